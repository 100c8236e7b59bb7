"""Forms: the fields that a question's schema asks for, and how terminals and notebooks show them.

`fields` makes fields of a JSON schema (a page takes them as plain data), `reading` makes values of what
was typed, `checking` says which field does not fit and why, `dialogue` asks in a terminal, `widgets` in a
notebook.
"""
