internal import ResectBytes
internal import ResectTensors

extension LazyTensor {
  /// The elements as floats, which have to be finite and of a magnitude below `limit`. `name` is the tensor's in errors.
  ///
  /// A network whose weights are checked, and whose inputs are, needs no check between its layers: ReLU and pooling by the maximum
  /// turn what is not a number into an ordinary one.
  func finiteFloats(_ name: String, below limit: Float = .infinity) throws(ResectError) -> [Float] {
    let values: [Float]
    do throws(ResectError) { values = try floats() } catch { throw error.located(tensor: name) }
    guard values.largestMagnitude < limit else {
      throw values.refusal(of: values.firstIndex { !($0.magnitude < limit) }, in: name)
    }
    return values
  }

  /// The elements rounded to `Scalar`, which have to be finite. `name` is the tensor's in errors.
  func finiteNumbers<Scalar: BinaryFloatingPoint>(_ name: String) throws(ResectError) -> [Scalar] {
    let values: [Double]
    do throws(ResectError) { values = try doubles() } catch { throw error.located(tensor: name) }
    let rounded = values.map { Scalar($0) }
    guard let index = rounded.firstIndex(where: { !$0.isFinite }) else { return rounded }
    throw values.refusal(of: index, in: name)
  }
}

extension Array where Element: BinaryFloatingPoint {
  fileprivate func refusal(of index: Int?, in name: String) -> ResectError {
    let what = index.map { "element \($0) is \(self[$0])" } ?? "an element is not finite"
    return ResectError(.badValue, "\(what): a network cannot compute with it", tensor: name)
  }
}

extension [Float] {
  /// The largest magnitude; infinite or not a number where an element is that.
  var largestMagnitude: Float { unsafe withUnsafeBufferPointer { values in unsafe values.largestMagnitude } }
}

extension UnsafeBufferPointer<Float> {
  /// The largest magnitude; infinite or not a number where an element is that.
  var largestMagnitude: Float {
    // Magnitudes order as their bits do, what is not a number above infinity; integers are compared several at a time.
    var largest: UInt32 = 0
    for index in indices { unsafe largest = Swift.max(largest, self[index].bitPattern & 0x7FFF_FFFF) }
    return Float(bitPattern: largest)
  }
}
