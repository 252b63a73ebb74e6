"""Process supervisor: one command runs all of CUX on one machine, and leaves no orphan however it ends.

supervisor ── guard ── process ── whatever it starts       (one guard, see `guard.py`, for each process)
"""

from core.supervisor.errors import SupervisorError
from core.supervisor.process import Process, Restart, State
from core.supervisor.supervisor import Supervisor

__all__ = ["Process", "Restart", "State", "Supervisor", "SupervisorError"]
