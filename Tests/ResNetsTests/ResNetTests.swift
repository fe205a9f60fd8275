import ResectBytes
import ResectResNets
import ResectTensors
import ResectTestSupport
import Testing

@Suite struct ResNetTests {
  private func network(_ family: String, _ name: String) throws -> ResNet {
    let shapes = try StateDict(family, name).shapes
    return try ResNet(
      architecture: Architecture(inferredFrom: shapes),
      tensors: shapes.mapValues { try UnreadableStorage.tensor($0) })
  }

  @Test func `units are visited in the order of the state dict`() throws {
    let state = try StateDict("torchvision", "resnet50")
    let weights = state.entries.compactMap(\.place).filter {
      $0.kind == .weight && !$0.module.isNorm && $0.module != .classifier(layer: nil)
    }
    let units = try network("torchvision", "resnet50").units
    #expect(units.map(\.paths.convolution) == weights.map(\.module))
    let norms = state.entries.compactMap(\.place).filter { $0.kind == .runningMean }
    #expect(units.map(\.paths.norm) == norms.map(\.module))
  }

  @Test func `an update reaches every unit, shortcuts included, and leaves the original`() throws {
    let original = try network("variants", "convolution-bias")
    var changed = original
    changed.updateUnits { _, unit in
      unit.norm = nil
      unit.convolution.bias = nil
    }
    let bare = try StateDict("variants", "no-norm")
    #expect(changed.parameters.map(\.path) == bare.entries.map(\.place))
    #expect(changed.parameterCount == bare.parameters)
    #expect(original.parameterCount == 10842)
  }

  @Test func `an update that fails stops and tells`() throws {
    var network = try network("variants", "grouped")
    var visited = 0
    let error = refusal { () throws(ResectError) in
      try network.updateUnits { paths, _ throws(ResectError) in
        visited += 1
        guard paths.convolution != .convolution(stage: 1, block: 0, index: 2) else {
          throw ResectError(.badValue, "enough")
        }
      }
    }
    #expect(error == .badValue)
    #expect(visited == 3)
  }
}
