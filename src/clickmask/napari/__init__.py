"""The plugin for napari: clicks in a points layer become masks in a labels layer. See docs/napari.md.

napari finds it by `napari.yaml`; nothing here is imported before somebody opens the plugin.
"""
