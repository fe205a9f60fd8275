internal import HDF5Library

serveHDF5()
