"""The annotator's server: REST for resources, one WebSocket per open image. See docs/annotator-protocol.md."""
