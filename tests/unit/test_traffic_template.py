"""Does the hash of a pod template change with the release, and only with it?"""

from typing import Any

from rollout.model.template import template_hash


def a_template(image: str = "shop:1", annotations: dict[str, str] | None = None) -> dict[str, Any]:
    metadata: dict[str, Any] = {"labels": {"app": "checkout"}}
    if annotations is not None:
        metadata["annotations"] = annotations
    return {"metadata": metadata, "spec": {"containers": [{"name": "app", "image": image}]}}


def test_the_hash_is_16_hex_digits() -> None:
    assert len(template_hash(a_template())) == len(f"{int(template_hash(a_template()), 16):016x}") == 16


def test_another_image_is_another_hash() -> None:
    assert template_hash(a_template("shop:2")) != template_hash(a_template("shop:1"))


def test_a_restart_is_the_same_release() -> None:
    restarted = a_template(annotations={"kubectl.kubernetes.io/restartedAt": "now", "rollout.dev/restarted": "now"})

    assert template_hash(restarted) == template_hash(a_template())


def test_other_annotations_count() -> None:
    assert template_hash(a_template(annotations={"a": "b"})) != template_hash(a_template())


def test_the_order_of_keys_does_not_count() -> None:
    template = a_template()

    assert template_hash(dict(reversed(template.items()))) == template_hash(template)
