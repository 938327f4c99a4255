from .remote_asker import RemoteAsker as RemoteAsker
from .remote_session import RemoteSession as RemoteSession
