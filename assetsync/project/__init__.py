"""The front doors: gather, plan, execute, lock. For a repo, and for a store without one."""
