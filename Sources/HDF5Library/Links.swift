internal import ResectBytes
internal import CResectHDF5

/// A link of a group, before it is followed.
struct FoundLink {
  /// What a link may be; other kinds are refused.
  enum Kind {
    case hard(haddr_t)
    case soft(String)

    /// The link with its target, which may count from the group at `path`, as a path from the root.
    func resolved(in path: String) -> Kind {
      guard case .soft(let target) = self else { return self }
      let base = target.hasPrefix("/") || path.isEmpty ? "" : "\(path)/"
      return .soft(base + target.drop { $0 == "/" })
    }
  }

  let name: String
  let kind: Kind
}

/// The links of a group, in the order of their names.
func readLinks(of group: hid_t, _ path: String) throws(ResectError) -> [FoundLink] {
  let collector = LinkCollector()
  let status = unsafe CHDF5_links(
    group,
    { _, name, info, context in
      guard let name = unsafe name, let info = unsafe info, let context = unsafe context else {
        return -1
      }
      let collector = unsafe Unmanaged<LinkCollector>.fromOpaque(context).takeUnretainedValue()
      unsafe collector.links.append(
        (
          String(validatingCString: name), info.pointee.type, CHDF5_link_address(info),
          CHDF5_link_value_size(info)
        ))
      return collector.links.count <= Limits.hdf5Links ? 0 : 1
    }, Unmanaged.passUnretained(collector).toOpaque())
  _ = try checked(status, "list the group", of: path)
  guard status == 0 else {
    throw ResectError(.limit, "the group has more than \(Limits.hdf5Links) links", tensor: path)
  }
  var links: [FoundLink] = []
  for link in collector.links {
    guard let name = link.name else {
      throw ResectError(.unsupported, "a name in this group is not UTF-8", tensor: path)
    }
    links.append(
      FoundLink(
        name: name,
        kind: try kind(of: name, link.type, link.address, link.valueSize, in: group, path)))
  }
  return links
}

private func kind(
  of name: String, _ type: H5L_type_t, _ address: haddr_t, _ valueSize: Int, in group: hid_t,
  _ path: String
) throws(ResectError) -> FoundLink.Kind {
  let whole = path.isEmpty ? name : "\(path)/\(name)"
  switch type {
  case H5L_TYPE_HARD: return .hard(address)
  case H5L_TYPE_SOFT:
    guard valueSize <= 1 << 16 else {
      throw ResectError(.limit, "the soft link is \(valueSize) bytes long", tensor: whole)
    }
    var target = [UInt8](repeating: 0, count: valueSize + 1)
    let status = unsafe target.withUnsafeMutableBytes { buffer in
      unsafe H5Lget_val(group, name, buffer.baseAddress, valueSize, CHDF5_DEFAULT)
    }
    _ = try checked(status, "read the soft link", of: whole)
    let bytes = target.prefix { $0 != 0 }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw ResectError(.unsupported, "the soft link's target is not UTF-8", tensor: whole)
    }
    return .soft(text)
  case H5L_TYPE_EXTERNAL:
    throw ResectError(
      .unsupported, "this is an external link, and other files are not opened",
      advice: "copy the data into this file", tensor: whole)
  default:
    throw ResectError(.unsupported, "this is a link of a kind that is not known", tensor: whole)
  }
}

private final class LinkCollector {
  var links: [(name: String?, type: H5L_type_t, address: haddr_t, valueSize: Int)] = []
}
