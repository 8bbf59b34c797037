"""The database roles of Jieru's processes: what each may do, and how they come to it."""
