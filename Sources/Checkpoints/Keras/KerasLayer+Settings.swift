internal import ResectBytes
internal import ResectGraphs

/// Settings by Keras' names, as numbers that were checked.
extension KerasLayer {
  /// An error about a setting.
  func damaged(_ setting: String) -> ResectError {
    ResectError(
      .malformed, "the model's configuration is damaged: \(setting) of a \(className) is missing or no number",
      tensor: name)
  }

  /// An error about something that is not supported.
  func unsupported(_ what: String, advice: ResectError.Advice? = nil) -> ResectError {
    ResectError(.unsupported, what, advice: advice, tensor: name)
  }

  /// A finite number; nil where there is none.
  func number(_ setting: String) throws(ResectError) -> Double? {
    guard let value = settings[setting], value != .null else { return nil }
    guard let number = value.number, number.isFinite else { throw damaged(setting) }
    return number
  }

  /// A number or a list of them, all finite; nil where there is none.
  func numbers(_ setting: String) throws(ResectError) -> [Double]? {
    guard let value = settings[setting], value != .null else { return nil }
    let numbers = (value.elements ?? [value]).map(\.number)
    guard !numbers.isEmpty, numbers.count <= KerasLayer.mostConstants, numbers.allSatisfy({ $0?.isFinite ?? false })
    else { throw damaged(setting) }
    return numbers.compactMap(\.self)
  }

  /// Numbers of one layer's settings: one a channel.
  static let mostConstants = 4096

  /// A count above zero; nil where there is none.
  func count(_ setting: String) throws(ResectError) -> Int? {
    guard let value = settings[setting], value != .null else { return nil }
    guard let count = value.integer, 1...Int64(Limits.windowPixels) ~= count else { throw damaged(setting) }
    return Int(count)
  }

  /// Integers, as axes; empty where there are none.
  func integers(_ setting: String) throws(ResectError) -> [Int] {
    guard let value = settings[setting], value != .null else { return [] }
    let integers = (value.elements ?? [value]).map { $0.integer.flatMap { Int(exactly: $0) } }
    guard !integers.contains(nil) else { throw damaged(setting) }
    return integers.compactMap(\.self)
  }

  /// Two counts, or one that stands for both. Keras 1 had a setting for each of a kernel's.
  private func pair(_ setting: String, _ rows: String = "", _ columns: String = "") throws(ResectError) -> Graph.Extent?
  {
    let numbers: [Int64?]
    if let value = settings[setting], value != .null {
      numbers = value.elements.map { $0.map(\.integer) } ?? [value.integer, value.integer]
    } else if let rows = settings[rows], let columns = settings[columns] {
      numbers = [rows.integer, columns.integer]
    } else {
      return nil
    }
    let counts = numbers.compactMap { $0.flatMap { 1...Int64(Limits.windowPixels) ~= $0 ? Int($0) : nil } }
    guard numbers.count == 2, counts.count == 2 else { throw damaged(setting) }
    return Graph.Extent(counts[0], counts[1])
  }

  /// The windows of a convolution (`kernel_size`) or a pooling (`pool_size`).
  func window(kernel: String) throws(ResectError) -> Graph.Window {
    guard let size = try pair(kernel, "nb_row", "nb_col") else { throw damaged(kernel) }
    let padding = settings["padding"]?.string ?? settings["border_mode"]?.string ?? "valid"
    guard padding == "same" || padding == "valid" else { throw unsupported("the layer pads as \(padding)") }
    // A pooling that says no stride takes windows side by side.
    let stride = try pair(settings["strides"] == nil ? "subsample" : "strides")
    return Graph.Window(
      kernel: size, stride: stride ?? (kernel == "pool_size" ? size : 1), padding: padding == "same" ? .same : .none,
      dilation: try pair("dilation_rate") ?? 1)
  }

  /// The zeros that `ZeroPadding2D` puts around an image.
  func border() throws(ResectError) -> Graph.Border {
    guard let padding = settings["padding"] else { throw damaged("padding") }
    // One number, two, or two pairs.
    let sides: [Int64?]
    if let all = padding.integer {
      sides = [all, all, all, all]
    } else {
      let pairs = padding.elements ?? []
      sides = pairs.flatMap { pair in pair.elements.map { $0.map(\.integer) } ?? [pair.integer, pair.integer] }
    }
    let numbers = sides.compactMap { $0.flatMap { 0...Int64(Limits.windowPixels) ~= $0 ? Int($0) : nil } }
    guard sides.count == 4, numbers.count == 4 else { throw damaged("padding") }
    return Graph.Border(top: numbers[0], bottom: numbers[1], left: numbers[2], right: numbers[3])
  }

  /// Whether images have their channels before height and width; nil where the layer does not say.
  var isChannelsFirst: Bool? {
    switch (settings["data_format"] ?? settings["dim_ordering"])?.string {
    case "channels_first", "th": true
    case "channels_last", "tf": false
    default: nil
    }
  }
}
