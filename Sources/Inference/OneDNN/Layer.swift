internal import ResectBytes
internal import CResectOneDNN
internal import ResectGraphs

/// A kernel of oneDNN for given layouts. Once built it is only read, from any thread.
@safe final class Layer: @unchecked Sendable {
  let handle: OpaquePointer
  let name: String

  private typealias Creation = (UnsafeMutablePointer<OpaquePointer?>) -> UnsafePointer<CChar>?

  /// The layer that `create` makes for the module `name`.
  private init(_ name: String, _ create: Creation) throws(ResectError) {
    var made: OpaquePointer?
    try unsafe OneDNNLibrary.check(create(&made), name)
    guard let made = unsafe made else { throw ResectError(.unsupported, "oneDNN made no layer for \(name)") }
    unsafe handle = made
    self.name = name
  }

  deinit { unsafe resect_layer_free(handle) }

  /// The layout that the layer wants of an argument; absent where it takes none.
  func layout(of argument: resect_argument) -> Layout? {
    unsafe resect_layer_layout(handle, argument).map { unsafe Layout(taking: $0) }
  }

  /// The name of the library's kernel.
  var kernel: String { unsafe String(cString: resect_layer_kernel(handle)) }

  /// Generates the kernel's code. Not to be called from two threads at once.
  func build() throws(ResectError) { try unsafe OneDNNLibrary.check(resect_layer_build(handle), name) }
}

extension Layer {
  /// A convolution that takes and makes the given layouts; `scales` multiply each output channel.
  static func convolution(
    _ name: String, _ what: resect_convolution, scales: [Float], from source: Layout, to target: Layout
  ) throws(ResectError) -> Layer {
    unsafe try Layer(name) { made in
      unsafe scales.withUnsafeBufferPointer { scales in
        var what = what
        return unsafe resect_convolution_create(
          &what, scales.baseAddress, Int64(scales.count), source.handle, target.handle, made)
      }
    }
  }

  /// A sum of two values of one layout, then relu where asked for.
  static func add(_ name: String, _ one: Layout, _ other: Layout, relu: Bool) throws(ResectError) -> Layer {
    unsafe try Layer(name) { made in unsafe resect_binary_create(one.handle, other.handle, false, relu, made) }
  }

  /// A product of two values, of which the second has the first one's layout or is an image of one pixel.
  static func multiply(_ name: String, _ value: Layout, by factors: Layout) throws(ResectError) -> Layer {
    unsafe try Layer(name) { made in unsafe resect_binary_create(value.handle, factors.handle, true, false, made) }
  }

  static func eltwise(_ name: String, _ what: resect_eltwise, _ source: Layout) throws(ResectError) -> Layer {
    unsafe try Layer(name) { made in
      var what = what
      return unsafe resect_eltwise_create(source.handle, &what, made)
    }
  }

  /// Channels, or elements, of several values one after the other.
  static func concatenation(_ name: String, _ sources: [Layout]) throws(ResectError) -> Layer {
    let handles: [OpaquePointer?] = unsafe sources.map { unsafe $0.handle }
    return unsafe try Layer(name) { made in
      unsafe handles.withUnsafeBufferPointer { handles in
        unsafe resect_concatenation_create(Int32(handles.count), handles.baseAddress, made)
      }
    }
  }

  static func batchNorm(
    _ name: String, _ source: Layout, epsilon: Double, relu: Bool
  ) throws(ResectError) -> Layer {
    unsafe try Layer(name) { made in unsafe resect_batch_norm_create(source.handle, Float(epsilon), relu, made) }
  }

  /// A change of layout and type; each value times its scale, one for all or one for each index of the first axis.
  static func reorder(
    _ name: String, from source: Layout, to target: Layout, scales: [Float] = []
  ) throws(ResectError) -> Layer {
    unsafe try Layer(name) { made in
      unsafe scales.withUnsafeBufferPointer { scales in
        unsafe resect_reorder_create(
          source.handle, target.handle, scales.isEmpty ? nil : scales.baseAddress, Int64(scales.count), made)
      }
    }
  }

  static func pool(_ name: String, _ what: resect_pooling, _ source: Layout) throws(ResectError) -> Layer {
    unsafe try Layer(name) { made in
      var what = what
      return unsafe resect_pooling_create(&what, source.handle, made)
    }
  }
}
