"""What makes each row of the catalogue's second half find something?"""

from tests.support.ailments_callers import OF_CALLERS
from tests.support.ailments_installation import OF_THE_INSTALLATION
from tests.support.ailments_outside import OF_OUTSIDE
from tests.support.ailments_starting import OF_STARTING

MORE = OF_STARTING | OF_CALLERS | OF_OUTSIDE | OF_THE_INSTALLATION
