internal import ResectBytes
internal import CResectOneDNN

/// The type, shape and order of a tensor in memory, as oneDNN knows them.
@safe final class Layout: @unchecked Sendable {
  /// The axes as everybody counts them.
  enum Order {
    /// Whatever suits a layer.
    case any
    /// Row-major.
    case plain
    /// Channels last.
    case channelsLast

    fileprivate var code: resect_order {
      switch self {
      case .any: RESECT_ANY
      case .plain: RESECT_PLAIN
      case .channelsLast: RESECT_NHWC
      }
    }
  }

  let handle: OpaquePointer

  /// A layout of `axes`.
  init(_ axes: [Int], _ type: resect_type, _ order: Order) throws(ResectError) {
    let made = unsafe axes.map { Int64($0) }.withUnsafeBufferPointer { axes in
      unsafe resect_layout_create(Int32(axes.count), axes.baseAddress, type, order.code)
    }
    guard let made = unsafe made else {
      throw ResectError(.unsupported, "oneDNN has no layout for \(axes)")
    }
    unsafe handle = made
  }

  /// Takes over a layout of the library.
  init(taking handle: OpaquePointer) { unsafe self.handle = handle }

  deinit { unsafe resect_layout_free(handle) }

  /// Bytes of memory that it takes.
  var byteCount: Int { unsafe resect_layout_size(handle) }

}

extension Layout: Equatable {
  static func == (one: Layout, other: Layout) -> Bool { unsafe resect_layout_equal(one.handle, other.handle) }
}
