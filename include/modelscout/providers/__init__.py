"""One adapter per vendor behind one protocol; the only place that imports a vendor's SDK.

Open one with `modelscout.providers.registry.open_adapter(credential)`.
"""
