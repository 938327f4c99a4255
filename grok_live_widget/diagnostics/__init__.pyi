from .installation import blocks_page as blocks_page  # internal
from .report import Check as Check
from .report import Report as Report
from .running import doctor as doctor
from .running import examine as examine  # internal
