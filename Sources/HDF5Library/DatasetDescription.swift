internal import ResectBytes
internal import CResectHDF5
internal import ResectHDF5

/// What `dataset` is. How it is stored is looked at first, and whatever leads out of the file is refused.
func describeDataset(
  _ dataset: hid_t, _ path: String, address: haddr_t, _ attributes: [HDF5Attribute]
) throws(ResectError) -> HDF5Dataset {
  let creation = try LibraryHandle(
    H5Dget_create_plist(dataset), "read how the dataset was made", of: path)
  let layout = H5Pget_layout(creation.id)
  try refuseForeignStorage(creation.id, layout, path)
  let filters = try readFilters(creation.id, path)
  let space = try LibraryHandle(H5Dget_space(dataset), "read the dataset's shape", of: path)
  let axes = try readAxes(space.id, path)
  let type = try LibraryHandle(H5Dget_type(dataset), "read the dataset's type", of: path)
  return HDF5Dataset(
    path: path, element: describeElement(type.id), elementBytes: H5Tget_size(type.id), axes: axes,
    layout: try describeLayout(dataset, creation.id, layout, rank: axes?.count ?? 0, path),
    filters: filters, storedBytes: UInt64(H5Dget_storage_size(dataset)), address: UInt64(address),
    attributes: attributes)
}

private func refuseForeignStorage(
  _ creation: hid_t, _ layout: H5D_layout_t, _ path: String
) throws(ResectError) {
  guard layout != H5D_VIRTUAL else {
    throw ResectError(
      .unsupported, "this is a virtual dataset, and other files are not opened",
      advice: "copy the data into this file", tensor: path)
  }
  guard try checked(H5Pget_external_count(creation), "read the dataset's files", of: path) == 0 else {
    throw ResectError(
      .unsupported, "the data are in external files, which are not opened",
      advice: "copy the data into this file", tensor: path)
  }
}

private func readFilters(_ creation: hid_t, _ path: String) throws(ResectError) -> [HDF5Filter] {
  var filters: [HDF5Filter] = []
  let count = try checked(H5Pget_nfilters(creation), "count the filters", of: path)
  for index in 0..<UInt32(count) {
    var flags: UInt32 = 0
    var valueCount = 0
    var configuration: UInt32 = 0
    var name = [CChar](repeating: 0, count: 64)
    let number = unsafe H5Pget_filter2(
      creation, index, &flags, &valueCount, nil, name.count - 1, &name, &configuration)
    _ = try checked(number, "read the filter", of: path)
    guard let filter = UInt8(exactly: number).flatMap({ HDF5Filter(rawValue: $0) }) else {
      let bytes = name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      let text = bytes.isEmpty ? "" : " (\(String(decoding: bytes, as: UTF8.self)))"
      throw ResectError(
        .unsupported,
        "the data went through filter \(number)\(text); deflate, shuffle and fletcher32 are read",
        advice: "store the data with gzip or without compression", tensor: path)
    }
    filters.append(filter)
  }
  return filters
}

private func readAxes(_ space: hid_t, _ path: String) throws(ResectError) -> [UInt64]? {
  switch H5Sget_simple_extent_type(space) {
  case H5S_NULL: return nil
  case H5S_SCALAR: return []
  case H5S_SIMPLE:
    let rank = try checked(H5Sget_simple_extent_ndims(space), "count the axes", of: path)
    var axes = [hsize_t](repeating: 0, count: Int(rank))
    _ = try checked(
      unsafe H5Sget_simple_extent_dims(space, &axes, nil), "read the axes", of: path)
    return axes.map { UInt64($0) }
  default: throw libraryError("read the dataset's shape", of: path)
  }
}

private func describeLayout(
  _ dataset: hid_t, _ creation: hid_t, _ layout: H5D_layout_t, rank: Int, _ path: String
) throws(ResectError) -> HDF5Layout {
  switch layout {
  case H5D_COMPACT: return .compact
  case H5D_CONTIGUOUS:
    let offset = H5Dget_offset(dataset)
    return .contiguous(offset: offset == CHDF5_NO_ADDRESS ? 0 : UInt64(offset))
  case H5D_CHUNKED:
    var chunk = [hsize_t](repeating: 0, count: rank)
    let found = try checked(
      unsafe H5Pget_chunk(creation, Int32(rank), &chunk), "read the chunks' shape", of: path)
    guard Int(found) == rank else {
      throw ResectError(.malformed, "chunks of \(found) axes in a dataset of \(rank)", tensor: path)
    }
    return .chunked(chunk.map { UInt64($0) })
  default: throw libraryError("read the dataset's layout", of: path)
  }
}
