internal import ResectHDF5Library

serveHDF5()
