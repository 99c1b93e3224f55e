"""What are our API group and the marks we leave on objects called?"""

GROUP = "rollout.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

FINALIZER = f"{GROUP}/traffic"  # on a Rollout from before its first write until its traffic is safe
COMMIT = f"{GROUP}/commit"  # annotation: the commit that brought the object
SOURCE = f"{GROUP}/source"  # annotation: file:line of the object in that commit
OWNER, OWNER_NAMESPACE = SOURCE, f"{GROUP}/source-namespace"  # labels: the GitSource that applies the object
