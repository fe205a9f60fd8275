internal import ResectBytes
internal import ResectResNets
internal import ResectTensors

extension LazyTensor {
  /// All elements, or an error at `path` where one is not finite.
  func finiteValues(at path: ParameterPath) throws(ResectError) -> [Double] {
    try finiteValues(named: path.description)
  }

  /// All elements, or an error that names the tensor `name` where one is not finite.
  func finiteValues(named name: String) throws(ResectError) -> [Double] {
    let values: [Double]
    do throws(ResectError) {
      values = try doubles()
    } catch {
      throw error.located(tensor: name)
    }
    if let index = values.firstIndex(where: { !$0.isFinite }) {
      throw ResectError(.badValue, "element \(index) is \(values[index]), which is not finite", tensor: name)
    }
    return values
  }
}
