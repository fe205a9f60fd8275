import ResectBytes
import Testing

@testable import ResectCheckpoints

@Suite struct KerasConfigurationTests {
  private func layer(_ name: String, _ inbound: String, kind: String = "ReLU") -> String {
    #"{"class_name": "\#(kind)", "name": "\#(name)", "config": {"name": "\#(name)"}, "inbound_nodes": \#(inbound)}"#
  }

  private func functional(_ layers: [String], output: String = #"[["z", 0, 0]]"#) -> String {
    let list = layers.joined(separator: ", ")
    return #"{"class_name": "Functional", "config": {"name": "m", "layers": [\#(list)], "output_layers": \#(output)}}"#
  }

  private func refusal(_ text: String) -> ResectError? {
    do {
      _ = try KerasConfiguration(text)
      return nil
    } catch {
      return error
    }
  }

  private let image = #"{"class_name": "InputLayer", "name": "x", "config": {"name": "x"}, "inbound_nodes": []}"#

  @Test(arguments: [
    #"[[["y", 0, 0, {}], ["x", 0, 0, {}]]]"#, #"[["y", 0, 0, {"y": ["x", 0, 0], "name": null}]]"#,
    #"[{"args": [[{"class_name": "__keras_tensor__", "config": {"keras_history": ["y", 0, 0]}}, {"class_name": "__keras_tensor__", "config": {"keras_history": ["x", 0, 0]}}]], "kwargs": {}}]"#,
  ])
  func `what a layer takes is read as every version writes it, in order`(_ inbound: String) throws {
    let text = functional([layer("z", inbound, kind: "Add"), image, layer("y", #"[[["x", 0, 0, {}]]]"#)])
    let configuration = try KerasConfiguration(text)
    #expect(configuration.layers.map(\.name) == ["x", "y", "z"])
    #expect(configuration.layers[2].inputs == [1, 0])
    #expect(configuration.output == 2)
  }

  @Test(arguments: [#"[A, B]"#, #"{"name": "s", "layers": [A, B]}"#])
  func `the layers of a sequential model follow each other`(_ config: String) throws {
    func plain(_ name: String) -> String { #"{"class_name": "ReLU", "config": {"name": "\#(name)"}}"# }
    let layers = config.replacing("A", with: plain("a")).replacing("B", with: plain("b"))
    let configuration = try KerasConfiguration(#"{"class_name": "Sequential", "config": \#(layers)}"#)
    #expect(configuration.layers.map(\.name) == ["a", "b"])
    #expect(configuration.layers.map(\.inputs) == [[], [0]])
    #expect(configuration.output == 1)
  }

  @Test func `groups are numbered by class in the order of the description`() throws {
    let kinds = [
      "Conv2D", "BatchNormalization", "Conv2D", "GlobalAveragePooling2D", "ReLU", "Conv2D", "SeparableConv2D",
    ]
    let layers = kinds.enumerated().map { #"{"class_name": "\#($1)", "config": {"name": "\#($0)"}}"# }
    let text = #"{"class_name": "Sequential", "config": {"layers": [\#(layers.joined(separator: ", "))]}}"#
    #expect(
      try KerasConfiguration(text).layers.map(\.group) == [
        "layers/conv2d", "layers/batch_normalization", "layers/conv2d_1", "layers/global_average_pooling2d",
        "layers/re_lu", "layers/conv2d_2", "layers/separable_conv2d",
      ])
  }

  @Test func `layers that take each other, themselves or nothing that exists are refused`() {
    let circle = functional([image, layer("y", #"[[["z", 0, 0]]]"#), layer("z", #"[[["y", 0, 0]]]"#)])
    #expect(refusal(circle)?.message.contains("circle") == true)
    #expect(refusal(functional([layer("z", #"[[["z", 0, 0]]]"#)]))?.code == .malformed)
    #expect(refusal(functional([layer("z", #"[[["w", 0, 0]]]"#)]))?.code == .malformed)
    #expect(refusal(functional([image, image], output: #"[["x", 0, 0]]"#))?.message.contains("one name") == true)
  }

  @Test func `a layer that is called twice, two results and a class of its own are not supported`() {
    let twice = functional([image, layer("z", #"[[["x", 0, 0]], [["x", 0, 0]]]"#)])
    #expect(refusal(twice)?.code == .unsupported)
    let two = functional([image, layer("z", #"[[["x", 0, 0]]]"#)], output: #"[["z", 0, 0], ["x", 0, 0]]"#)
    #expect(refusal(two)?.code == .unsupported)
    #expect(refusal(#"{"class_name": "MyModel", "config": {"depth": 50}}"#)?.code == .unsupported)
  }

  @Test(arguments: [
    "", "{}", "[]", #"{"class_name": "Model", "config": {}}"#, #"{"class_name": "Model", "config": {"layers": []}}"#,
  ])
  func `what is no description is refused`(_ text: String) {
    #expect(refusal(text)?.code == .malformed)
  }

  @Test func `models that lie deep in each other end at a limit`() {
    var text = layer("a", "[]")
    for _ in 0..<40 { text = #"{"class_name": "Sequential", "config": {"name": "s", "layers": [\#(text)]}}"# }
    #expect(refusal(text)?.code == .limit)
  }
}
