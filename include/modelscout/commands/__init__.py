"""The commands of `modelscout`: one module per area, each with `register(tree)`.

Modules import the rest of the package inside their handlers, so that `modelscout --help` stays fast.
"""
