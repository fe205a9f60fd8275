public import ResectBytes
internal import CResectTensorKernels

extension LazyTensor {
  /// The same elements with the axes in another order: axis `i` is this tensor's axis `order[i]`, in reverse where `reversed`
  /// has that axis. Bits are kept.
  ///
  /// Throws where `order` is no order of the axes. When it is pulled, this tensor is held in memory.
  public func permuted(_ order: [Int], reversing reversed: Set<Int> = []) throws(ResectError) -> LazyTensor {
    guard order.sorted() == Array(0..<shape.rank) else {
      throw ResectError(.mismatch, "\(order) is no order of the axes of shape \(shape)")
    }
    return LazyTensor(
      dtype: dtype, shape: try Shape(order.map { shape.axes[$0] }),
      source: PermutedTensor(base: self, order: order, reversed: reversed))
  }
}

private struct PermutedTensor: TensorSource {
  let base: LazyTensor
  let order: [Int]
  let reversed: Set<Int>

  func stream(
    as dtype: DType, _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    switch base.dtype.byteCount {
    case 1: try stream(as: dtype, UInt8.self, piece)
    case 2: try stream(as: dtype, UInt16.self, piece)
    case 4: try stream(as: dtype, UInt32.self, piece)
    case 8: try stream(as: dtype, UInt64.self, piece)
    default: try stream(as: dtype, SIMD2<UInt64>.self, piece)
    }
  }

  /// Puts a band of the result's first axis after the other together, each as large as a cache holds.
  private func stream<Element: BitwiseCopyable>(
    as dtype: DType, _: Element.Type, _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    let rows = order.first.map { base.shape.axes[$0] } ?? 1
    guard base.shape.elementCount > 0 else { return }
    let rowBytes = base.shape.elementCount / rows * MemoryLayout<Element>.size
    let tile = PermutedWalk.tile
    let band = min(max(InputFile.pieceBytes / rowBytes / tile, 1) * tile, rows)
    let walk = PermutedWalk(shape: base.shape, order: order, reversed: reversed)
    let bytes = try base.bytes()
    var permuted = [UInt8](repeating: 0, count: band * rowBytes)
    var scratch = DoubleScratch()
    for first in stride(from: 0, to: rows, by: band) {
      let count = min(band, rows - first)
      unsafe bytes.withUnsafeBytes { source in
        unsafe permuted.withUnsafeMutableBytes { target in
          guard let from = source.baseAddress, let to = target.baseAddress else { return }
          unsafe walk.rows(first..<first + count).copy(
            from: from.assumingMemoryBound(to: Element.self), to: to.assumingMemoryBound(to: Element.self))
        }
      }
      let part = unsafe permuted.span.bytes.extracting(first: count * rowBytes)
      if dtype == base.dtype {
        try piece(part)
      } else {
        scratch.load(part, as: base.dtype)
        try scratch.encode(as: dtype, piece)
      }
    }
  }
}

/// The order in which elements are fetched when axes change places.
///
/// Counts elements. What lies side by side before and what shall lie side by side after are walked in tiles, so that both are
/// in the cache: else each element of a large kernel costs a line of it.
private struct PermutedWalk {
  /// An axis of the result: its length, and the steps in the result and in the source.
  struct Axis {
    let length: Int
    let step: Int
    let sourceStep: Int
  }

  static let tile = 16
  /// The axes of the result, the last first.
  private let axes: [Axis]
  private let start: Int

  init(shape: Shape, order: [Int], reversed: Set<Int>) {
    let sourceSteps = StoredTensor.rowMajorStrides(of: shape)
    var axes: [Axis] = []
    var step = 1
    for axis in order.reversed() {
      let sign = reversed.contains(axis) ? -1 : 1
      axes.append(Axis(length: shape.axes[axis], step: step, sourceStep: sign * sourceSteps[axis]))
      step *= shape.axes[axis]
    }
    self.axes = axes
    start = reversed.reduce(0) { $0 + (shape.axes[$1] - 1) * sourceSteps[$1] }
  }

  private init(axes: [Axis], start: Int) {
    self.axes = axes
    self.start = start
  }

  /// The walk over some indices of the result's first axis only.
  func rows(_ rows: Range<Int>) -> PermutedWalk {
    guard let first = axes.last else { return self }
    let part = Axis(length: rows.count, step: first.step, sourceStep: first.sourceStep)
    return PermutedWalk(axes: axes.dropLast() + [part], start: start + rows.lowerBound * first.sourceStep)
  }

  func copy<Element: BitwiseCopyable>(
    from source: UnsafePointer<Element>, to target: UnsafeMutablePointer<Element>
  ) {
    let one = Axis(length: 1, step: 0, sourceStep: 0)
    var outer = joinedAxes
    let last = outer.isEmpty ? one : outer.removeFirst()
    let place = outer.firstIndex { abs($0.sourceStep) == 1 && $0.length > 1 }
    let near = place.map { outer.remove(at: $0) } ?? one
    var position = [Int](repeating: 0, count: outer.count)
    var (from, to) = (start, 0)
    while true {
      unsafe copyPlane(near, last, from: source + from, to: target + to)
      var axis = 0
      while axis < outer.count {
        position[axis] += 1
        from += outer[axis].sourceStep
        to += outer[axis].step
        if position[axis] < outer[axis].length { break }
        from -= outer[axis].sourceStep * outer[axis].length
        to -= outer[axis].step * outer[axis].length
        position[axis] = 0
        axis += 1
      }
      if axis == outer.count { return }
    }
  }

  /// The axes without those of length 1, and those that follow each other in both tensors as one: long inner loops.
  private var joinedAxes: [Axis] {
    var joined: [Axis] = []
    for axis in axes where axis.length != 1 {
      if let last = joined.last, axis.step == last.step * last.length, axis.sourceStep == last.sourceStep * last.length
      {
        joined[joined.count - 1] = Axis(
          length: last.length * axis.length, step: last.step, sourceStep: last.sourceStep)
      } else {
        joined.append(axis)
      }
    }
    return joined
  }

  /// Copies the elements of two axes: `near`, whose elements lie side by side before, and `last`, whose do after.
  private func copyPlane<Element: BitwiseCopyable>(
    _ near: Axis, _ last: Axis, from source: UnsafePointer<Element>, to target: UnsafeMutablePointer<Element>
  ) {
    if MemoryLayout<Element>.size == 4, near.sourceStep == 1, last.step == 1, last.sourceStep > 0 {
      unsafe resect_transpose_32(
        UnsafeRawPointer(source).assumingMemoryBound(to: UInt32.self), last.sourceStep,
        UnsafeMutableRawPointer(target).assumingMemoryBound(to: UInt32.self), near.step, near.length, last.length)
      return
    }
    for first in stride(from: 0, to: near.length, by: PermutedWalk.tile) {
      let end = min(first + PermutedWalk.tile, near.length)
      for column in 0..<last.length {
        let from = unsafe source + column * last.sourceStep
        let to = unsafe target + column * last.step
        for row in first..<end { unsafe to[row * near.step] = from[row * near.sourceStep] }
      }
    }
  }
}
