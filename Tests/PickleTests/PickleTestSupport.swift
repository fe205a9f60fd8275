import ResectBytes
import ResectPickle

/// A pickle that real Python made, and what it says.
struct Vector: Sendable, CustomStringConvertible {
  let description: String
  let bytes: [UInt8]
  let meaning: String

  /// Each vector of Vectors.swift: its name, what it says, and the pickle.
  static let all: [Vector] = text.split(separator: "# ").map { block in
    let lines = block.split(separator: "\n")
    return Vector(
      description: String(lines[0]),
      bytes: bytes(lines.dropFirst().filter { !$0.hasPrefix("= ") }.joined()),
      meaning: lines.filter { $0.hasPrefix("= ") }.map { $0.dropFirst(2) }.joined())
  }

  static func named(_ name: String) -> Vector {
    all.first { $0.description == name } ?? Vector(description: name, bytes: [], meaning: "")
  }

  private static func bytes(_ hexadecimal: String) -> [UInt8] {
    let digits = Array(hexadecimal.utf8)
    return stride(from: 0, to: digits.count - 1, by: 2).compactMap {
      UInt8(String(decoding: digits[$0...$0 + 1], as: UTF8.self), radix: 16)
    }
  }
}

extension PicklePolicy {
  /// A policy as the readers of checkpoints have one.
  static let test = PicklePolicy(
    callables: [
      GlobalName("torch._utils", "_rebuild_tensor_v2"), GlobalName("numpy", "dtype"),
      GlobalName("datetime", "date"),
    ],
    callablesWithState: [GlobalName("numpy", "dtype")],
    classesWithTupleState: [GlobalName("torch.nn.parameter", "Parameter")],
    knownPackages: ["torch", "numpy"])
}

/// Bytes of a pickle, written as a Python bytes literal would be: text, and numbers below 256.
func pickle(_ parts: any PicklePart...) -> [UInt8] { parts.flatMap(\.pickleBytes) }

protocol PicklePart { var pickleBytes: [UInt8] { get } }

extension String: PicklePart { var pickleBytes: [UInt8] { Array(utf8) } }

extension Int: PicklePart { var pickleBytes: [UInt8] { [UInt8(truncatingIfNeeded: self)] } }

extension Array: PicklePart where Element == UInt8 { var pickleBytes: [UInt8] { self } }

/// SHORT_BINUNICODE of a text of less than 256 bytes.
func text(_ text: String) -> [UInt8] { pickle(0x8c, text.utf8.count, text) }

/// The error of a pickle that should be refused.
func refusal(_ bytes: [UInt8], policy: PicklePolicy = .test) -> ResectError? {
  do throws(ResectError) {
    _ = try Pickle(parsing: bytes, policy: policy)
    return nil
  } catch {
    return error
  }
}

/// What `bytes` say, as text.
func meaning(_ bytes: [UInt8], policy: PicklePolicy = .test) throws -> String {
  let pickle = try Pickle(parsing: bytes, policy: policy)
  return pickle.text(of: pickle.root)
}

extension Pickle {
  /// All that a value says in one line, the same as `render` in make_vectors.py. The value has no cycles.
  func text(of id: ValueID) -> String {
    switch self[id] {
    case .none: "None"
    case .bool(let value): value ? "True" : "False"
    case .integer(let value): "\(value)"
    case .bigInteger(let bytes): "0x\(bytes.hexadecimal)"
    case .float(let value): "f\(hexadecimal(value))"
    case .string(let value): "'\(escaped(value))'"
    case .bytes(let bytes): "b\(bytes.hexadecimal)"
    case .tuple(let elements): "(\(texts(of: elements)))"
    case .list(let elements): "[\(texts(of: elements))]"
    case .set(let elements): "{\(elements.map(text).sorted().joined(separator: ", "))}"
    case .dictionary(let entries): text(of: entries)
    case .global(let name): "<\(name)>"
    case .persistentID(let value): "@\(text(of: value))"
    case .call(let call):
      "\(call.function)(\(texts(of: call.arguments)))\(call.state.map { ".\(text(of: $0))" } ?? "")"
    case .instance(let instance):
      instance.type.name + text(ofItems: instance.items)
        + (instance.state.map { ".\(text(of: $0))" } ?? "")
    }
  }

  private func texts(of elements: ArraySlice<ValueID>) -> String {
    elements.map(text).joined(separator: ", ")
  }

  private func text(of entries: Entries) -> String {
    "{\(entries.map { "\(text(of: $0.key)): \(text(of: $0.value))" }.joined(separator: ", "))}"
  }

  private func text(ofItems id: ValueID?) -> String {
    guard let id else { return "" }
    return tuple(id).map { "[\(texts(of: $0))]" } ?? text(of: id)
  }

  private func hexadecimal(_ value: Double) -> String {
    (0..<8).map { UInt8(truncatingIfNeeded: value.bitPattern >> (56 - 8 * $0)) }.hexadecimal
  }

  private func escaped(_ text: String) -> String {
    text.unicodeScalars.map { scalar in
      scalar.isASCII && scalar.value >= 0x20 && scalar.value != 0x7f && scalar != "\\"
        && scalar != "'" ? String(scalar) : "<\(String(scalar.value, radix: 16))>"
    }.joined()
  }
}

/// Numbers that are the same in every run.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  /// SplitMix64.
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
    return value ^ (value >> 31)
  }
}
