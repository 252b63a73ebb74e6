"""REST, the OpenAI-compatible surface, the provider protocol and the relay."""

import atexit
import gc

# msgspec 0.22 (StructInfo_dealloc) may crash when struct classes themselves are collected, which only the
# interpreter's last collection does: the process would end with SIGSEGV after all its work.
atexit.register(gc.freeze)
