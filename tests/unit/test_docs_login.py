"""Does the page about signing in have every setting, every reason and the right addresses?"""

import re
from pathlib import Path

import yaml

from rollout.settings import Settings
from rollout.web.login import BACK
from rollout.web.signing_in import Trouble

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "login.md").read_text()
SCRIPT = (ROOT / "rollout" / "web" / "static" / "login.js").read_text()


def test_every_reason_has_words_on_the_page_and_in_the_docs() -> None:
    troubles = {trouble.value for trouble in Trouble}
    script = SCRIPT.partition("const TROUBLES = {")[2].partition("};")[0]

    assert set(re.findall(r"^  '?([a-z-]+)'?: ", script, re.MULTILINE)) == troubles
    assert (
        set(re.findall(r"^\| `([a-z-]+)` \|", PAGE.partition("## When it does not work")[2], re.MULTILINE)) == troubles
    )


def test_every_setting_of_sign_in_and_sessions_is_told() -> None:
    wanted = {name for name in Settings.model_fields if name.startswith(("login_", "session_"))}
    told = {name for name in wanted if f"--{name.replace('_', '-')}" in PAGE or f"ROLLOUT_{name.upper()}" in PAGE}

    assert told == wanted


def test_what_is_made_by_the_commands_is_what_the_pod_looks_for() -> None:
    (deployment,) = yaml.safe_load_all((ROOT / "deploy" / "base" / "deployment.yaml").read_text())
    pod = deployment["spec"]["template"]["spec"]
    secrets = {one["name"]: one["secret"]["secretName"] for one in pod["volumes"] if "secret" in one}
    mounts = {one["name"]: one["mountPath"] for one in pod["containers"][0]["volumeMounts"]}

    assert f"create secret generic {secrets['dashboard']} " in PAGE
    assert f"create configmap {pod['containers'][0]['envFrom'][0]['configMapRef']['name']} " in PAGE
    assert PAGE.count(f"={mounts['dashboard']}/session-keys") == 1
    assert PAGE.count(f"={mounts['dashboard']}/client-secret") == 1
    assert f"https://rollout.shop.example{BACK}`" in PAGE


def test_the_settings_of_the_page_are_taken() -> None:
    literals = dict(re.findall(r"--from-literal=ROLLOUT_([A-Z_]+)=(\S+)", PAGE))

    settings = Settings.model_validate({name.lower(): text for name, text in literals.items()})

    assert settings.login_username_claim == "email"
