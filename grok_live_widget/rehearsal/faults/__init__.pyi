from .base import Fault as Fault
from .base import Faults as Faults
from .catalogue import Abandon as Abandon
from .catalogue import Burst as Burst
from .catalogue import Close as Close
from .catalogue import Drop as Drop
from .catalogue import Duplicate as Duplicate
from .catalogue import Garbage as Garbage
from .catalogue import Late as Late
from .catalogue import Omit as Omit
from .catalogue import OtherModel as OtherModel
from .catalogue import Refuse as Refuse
from .catalogue import Reorder as Reorder
from .catalogue import Report as Report
from .catalogue import Stall as Stall
from .catalogue import StallHandshake as StallHandshake
from .catalogue import Tail as Tail
from .catalogue import Trickle as Trickle
from .catalogue import Withhold as Withhold
from .parse import FAULTS as FAULTS
from .parse import fault_from as fault_from  # internal
from .parse import faults_from as faults_from  # internal
from .parse import listing as listing  # internal
