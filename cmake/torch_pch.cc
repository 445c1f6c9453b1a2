// Exists so that the precompiled libtorch header has a target to belong to.
