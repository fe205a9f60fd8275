/// What the layers of a graph are called in Keras where they have other names than their nodes, and what Keras' own code does that a
/// graph does not tell.
package struct KerasNames: Sendable {
  /// The model's name.
  package var model: String
  /// The name of the layer that takes the input; by default the input's own.
  package var input: String?
  /// The names of layers by their nodes' names. A node's activation that has a name here is a layer of its own.
  package var layers: [String: String]
  /// By the names of nodes, those of the layers before them that do a part of their work: the zeros around what a convolution or a
  /// pooling takes, the scaling before a normalisation.
  package var preparations: [String: String]
  /// The nodes whose zeros around the image are a layer even where the convolution could add them.
  package var paddedApart: Set<String>
  /// Whether sums take their values the other way around, which decides about the order of layers that are equally far from the
  /// result.
  package var reversesSums: Bool

  /// The names of the nodes and nothing else.
  package init(
    model: String = "network", input: String? = nil, layers: [String: String] = [:],
    preparations: [String: String] = [:], paddedApart: Set<String> = [], reversesSums: Bool = false
  ) {
    self.model = model
    self.input = input
    self.layers = layers
    self.preparations = preparations
    self.paddedApart = paddedApart
    self.reversesSums = reversesSums
  }
}

/// Gives layers names that Keras takes, none twice.
struct KerasNameList {
  private var taken: Set<String> = []
  /// By name, the last number that was put behind it.
  private var numbers: [String: Int] = [:]

  /// `name` with what Keras and TensorFlow take no name with replaced, and with a number behind it where it is taken.
  mutating func add(_ name: String) -> String {
    let valid = KerasNameList.valid(name)
    guard !taken.insert(valid).inserted else { return valid }
    var number = numbers[valid, default: 0]
    var numbered = valid
    repeat {
      number += 1
      numbered = "\(valid)_\(number)"
    } while !taken.insert(numbered).inserted
    numbers[valid] = number
    return numbered
  }

  /// Keras takes no `/`, and TensorFlow's nodes letters, digits and `_.-` alone.
  private static func valid(_ name: String) -> String {
    let bytes = name.unicodeScalars.map { scalar -> UInt8 in
      switch scalar {
      case "a"..."z", "A"..."Z", "0"..."9", "_", ".", "-": UInt8(scalar.value)
      default: UInt8(ascii: "_")
      }
    }
    return bytes.isEmpty ? "_" : String(decoding: bytes, as: UTF8.self)
  }
}
