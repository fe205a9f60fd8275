import Foundation
import ResectBytes
import ResectGraphs
import ResectResNets
import ResectTestSupport
import Testing

@testable import ResectInference

@Suite struct OldProgramTests {
  static let architectures: [(name: String, architecture: Architecture)] = {
    var list: [(String, Architecture)] = [
      ("basic", .small()),
      ("bottleneck", .small(.bottleneck)),
      ("v1", .small(.bottleneck, placement: .v1)),
      ("groups", .small(.bottleneck, widths: [64, 128], stemWidth: 64, groups: 4)),
      ("7×7", .small(stem: .sevenWithMaxPool)),
      ("deep", .small(stem: .deepWithMaxPool)),
      ("deepconv", .small(stem: .deepWithConvolution)),
      ("zero-padded", .small(shortcut: .zeroPadded)),
      ("zero-padded at end", .small(shortcut: .zeroPaddedAtEnd)),
      ("D", .small(.bottleneck, shortcut: .averagePooledProjection)),
      ("biases", .small(bias: true)),
      ("none", .small(normalization: .none, bias: true)),
      ("noaffine", .small(normalization: .batchNorm(affine: false, statistics: true))),
      ("no head", .small(classes: nil)),
    ]
    for index in list.indices where list[index].0.hasPrefix("deep") { list[index].1.innerStemWidths = [8, 8] }
    for (name, architecture) in list.prefix(4) {
      var copy = architecture
      copy.isPreactivated = true
      copy.stem = .sevenWithMaxPool
      list.append((name + " preactivated", copy))
      if architecture.block == .basic {
        copy.stem = .three
        list.append((name + " preactivated three", copy))
      }
      var same = architecture
      same.padding = .same
      list.append((name + " same", same))
      for kind in [Architecture.Attention.Kind.squeezeExcitation, .efficientChannel] {
        var attentive = architecture
        attentive.attention = .init(kind, sizes: attentive.channels.map { $0.map { _ in kind == .efficientChannel ? 3 : 4 } }, hasBias: kind != .efficientChannel)
        list.append((name + " attention \(kind)", attentive))
      }
    }
    return list
  }()

  private func old(_ network: ResNet, _ fidelity: OldProgram.Fidelity) throws -> [String] {
    let program = try OldProgram(network, fidelity: fidelity)
    func name(_ value: Int) -> String { value == 0 ? "input" : program.nodes[value - 1].name }
    return program.nodes.map { node in
      var inputs = node.inputs.map(name)
      var sum = ""
      var relu = false
      var word = ""
      switch node.operation {
      case .convolution(let c):
        if c.adds { sum = " + " + inputs.removeLast() }
        relu = c.relu
        word = "convolution"
      case .batchNorm(let n): (word, relu) = ("norm", n.relu)
      case .add(let r): (word, relu) = ("add", r)
      case .relu: word = "relu"
      case .maxPool: word = "max-pool"
      case .averagePool: word = "average-pool"
      case .globalAveragePool: word = "global-average-pool"
      case .zeroPaddedShortcut: word = "pad"
      case .linear: word = "linear"
      case .sigmoid: word = "sigmoid"
      case .channelConvolution: word = "channel-convolution"
      case .gate: word = "multiply"
      case .normalize: word = "normalize"
      }
      return "\(node.name): \(word) \(inputs)\(sum)\(relu ? ", relu" : "")"
    }
  }

  private func new(_ network: ResNet, _ fidelity: Program.Fidelity) throws -> [String] {
    let program = try Program(network.graph(), fidelity: fidelity)
    return program.steps.filter { !$0.name.hasSuffix(".subsample") }.map { step in
      var inputs = step.inputs.map { program.name(of: $0).replacingOccurrences(of: ".subsample", with: "") }
      let sum = step.adds ? " + " + inputs.removeLast() : ""
      var word = step.operation.word
      if word == "batch-norm" || word == "scale-shift" { word = "norm" }
      if word == "pad" {
        inputs = inputs.map { name in
          program.steps.first { $0.name == name + ".subsample" }.map { program.name(of: $0.inputs[0]) } ?? name
        }
      }
      return "\(step.name): \(word) \(inputs)\(sum)\(step.activation.map { ", \($0.word)" } ?? "")"
    }
  }

  @Test(arguments: architectures.indices)
  func compare(_ index: Int) throws {
    let (name, architecture) = OldProgramTests.architectures[index]
    let network = try ResNet.random(architecture, seed: 3)
    let one = try old(network, .fused), other = try new(network, .fused)
    #expect(one == other, "\(name) fused")
    let three = try old(network, .exact), four = try new(network, .exact)
    #expect(three == four, "\(name) exact")
  }
}
