"""The project: images, classes, objects and everything that was ever done to them, in one database.

`project.open_project` opens a folder; what comes back keeps the `SessionStore` protocol. Database rows
never leave this package: callers see the frozen values of `values`.
"""
