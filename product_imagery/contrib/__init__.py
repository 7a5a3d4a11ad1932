"""Ready descriptions for libraries that keep pictures derived from a field, one module per library.

Put the class before ``ProductImages`` or ``GalleryImages`` among the bases of a description.
"""
