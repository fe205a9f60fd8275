internal import ResectBytes
internal import CResectOneDNN

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

  /// A sum of two images of one layout, then relu where asked for.
  static func add(_ name: String, _ one: Layout, _ other: Layout, relu: Bool) throws(ResectError) -> Layer {
    unsafe try Layer(name) { made in unsafe resect_binary_create(one.handle, other.handle, false, relu, made) }
  }

  /// An image of which each channel is multiplied by its element of `factors`, an image of one pixel.
  static func multiply(_ name: String, _ image: Layout, by factors: Layout) throws(ResectError) -> Layer {
    unsafe try Layer(name) { made in unsafe resect_binary_create(image.handle, factors.handle, true, false, made) }
  }

  static func relu(_ name: String, _ source: Layout) throws(ResectError) -> Layer {
    unsafe try Layer(name) { made in unsafe resect_relu_create(source.handle, made) }
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

  static func pool(
    _ name: String, _ window: Program.Window?, of shape: Program.ValueShape, batch: Int, to output: Program.ValueShape,
    averages: Bool, source: Layout
  ) throws(ResectError) -> Layer {
    guard case .image(let channels, let height, let width) = shape else {
      throw ResectError(.mismatch, "\(name) pools \(shape)")
    }
    var pooling = resect_pooling()
    (pooling.batch, pooling.channels) = (Int64(batch), Int64(channels))
    (pooling.height, pooling.width) = (Int64(height), Int64(width))
    pooling.averages = averages
    (pooling.output_height, pooling.output_width) = (1, 1)
    (pooling.kernel_height, pooling.kernel_width, pooling.stride) = (Int64(height), Int64(width), 1)
    if let window, case .image(_, let outputHeight, let outputWidth) = output {
      (pooling.output_height, pooling.output_width) = (Int64(outputHeight), Int64(outputWidth))
      (pooling.kernel_height, pooling.kernel_width) = (Int64(window.kernel), Int64(window.kernel))
      pooling.stride = Int64(window.stride)
      let (above, left) = (window.before(height), window.before(width))
      (pooling.padding_top, pooling.padding_left) = (Int64(above), Int64(left))
      pooling.padding_bottom = Int64((outputHeight - 1) * window.stride + window.kernel - height - above)
      pooling.padding_right = Int64((outputWidth - 1) * window.stride + window.kernel - width - left)
    }
    return unsafe try Layer(name) { made in unsafe resect_pooling_create(&pooling, source.handle, made) }
  }
}
