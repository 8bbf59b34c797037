"""The clock of a demonstration, which its people move on; no other application has one."""
