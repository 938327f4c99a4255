from .connection import choose_server as choose_server  # internal
from .connection import round_trip_check as round_trip_check  # internal
from .installation import blocks_page as blocks_page  # internal
from .report import Check as Check
from .report import Report as Report
from .report import failed as failed  # internal
from .report import ok as ok  # internal
from .report import skipped as skipped  # internal
from .report import warning as warning  # internal
from .running import all_of as all_of  # internal
from .running import doctor as doctor
from .running import examine as examine  # internal
