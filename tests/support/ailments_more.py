"""What makes each row of the catalogue's second half find something?"""

from tests.support.ailments import Ill

MORE: dict[str, tuple[Ill, ...]] = {}
