"""Image encoders, one module a family; each gives feature maps at several strides."""
