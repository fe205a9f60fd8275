internal import ResectBytes
internal import CResectOneDNN

/// An argument of a layer and the memory that it lies in.
@safe struct LayerArgument {
  let kind: resect_argument
  let layout: Layout
  let data: UnsafeMutableRawPointer?

  init(_ kind: resect_argument, _ layout: Layout, _ data: UnsafeMutableRawPointer?) {
    self.kind = kind
    self.layout = layout
    unsafe self.data = data
  }
}

/// A layer on memory. It runs on one thread at a time, and the memory must outlive it.
@safe final class LayerStep: @unchecked Sendable {
  private let handle: OpaquePointer
  private let layer: Layer

  init(_ layer: Layer, _ arguments: [LayerArgument]) throws(ResectError) {
    var made: OpaquePointer?
    let kinds = arguments.map(\.kind)
    let layouts: [OpaquePointer?] = unsafe arguments.map { unsafe $0.layout.handle }
    let data = unsafe arguments.map { unsafe $0.data }
    let failure = unsafe kinds.withUnsafeBufferPointer { kinds in
      unsafe layouts.withUnsafeBufferPointer { layouts in
        unsafe data.withUnsafeBufferPointer { data in
          unsafe resect_step_create(
            layer.handle, Int32(kinds.count), kinds.baseAddress, layouts.baseAddress, data.baseAddress, &made)
        }
      }
    }
    try unsafe OneDNNLibrary.check(failure, layer.name)
    guard let made = unsafe made else {
      throw ResectError(.unsupported, "oneDNN made no step for \(layer.name)")
    }
    unsafe handle = made
    self.layer = layer
  }

  deinit { unsafe resect_step_free(handle) }

  /// Points the argument at `position` to other memory.
  func set(_ position: Int, to data: UnsafeMutableRawPointer) {
    unsafe resect_step_set(handle, Int32(position), data)
  }

  func run() throws(ResectError) { try unsafe OneDNNLibrary.check(resect_step_run(handle), layer.name) }
}
