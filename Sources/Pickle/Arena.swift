internal import ResectBytes

/// The values of a pickle, side by side. What they cost is bounded by `Limits`, and freeing them takes no recursion.
struct Arena: Sendable {
  /// A node, and how deep the values within it are nested as far as was known when they were put there.
  struct Slot: Sendable {
    var node: Node
    var depth: UInt16
  }

  /// An element of a container that may still grow.
  private struct Link: Sendable {
    let value: ValueID
    var next: UInt32
  }

  /// What was parsed; texts point into it.
  let bytes: [UInt8]
  /// Texts that are not in the pickle as they are meant.
  private(set) var converted: [UInt8] = []
  private(set) var slots: [Slot] = []
  private var links: [Link] = []
  /// The elements of all containers, once they are frozen.
  private(set) var elements: [ValueID] = []
  private(set) var globals: [GlobalName] = []
  /// How many bytes of text may still be converted: a text that the memo repeats is converted each time.
  private var conversions: Int

  init(bytes: [UInt8]) {
    self.bytes = bytes
    // Latin-1 in UTF-8 takes at most twice its size; nothing else grows.
    conversions = min(bytes.count, Limits.metadataBytes) * 2 + 64
  }

  subscript(_ id: ValueID) -> Node { slots[id.position].node }

  // MARK: - Values

  mutating func make(_ node: Node) throws(ResectError) -> ValueID {
    guard slots.count < Limits.pickleValues else { throw .tooMany("values", Limits.pickleValues) }
    slots.append(Slot(node: node, depth: 0))
    return ValueID(slots.count - 1)
  }

  /// A container of `node`'s kind that holds `children`.
  mutating func make(_ node: Node, of children: some Sequence<ValueID>) throws(ResectError)
    -> ValueID
  {
    let id = try make(node)
    try extend(id, with: children)
    return id
  }

  mutating func makeGlobal(_ name: GlobalName) throws(ResectError) -> ValueID {
    globals.append(name)
    return try make(.global(UInt32(truncatingIfNeeded: globals.count - 1)))
  }

  /// Replaces a node by one that refers to `child` beside what it referred to.
  mutating func replace(_ id: ValueID, by node: Node, around child: ValueID) throws(ResectError) {
    slots[id.position].node = node
    try deepen(id, around: child)
  }

  /// Adds `children` to the end of the container `id`.
  mutating func extend(
    _ id: ValueID, with children: some Sequence<ValueID>
  ) throws(ResectError) {
    guard var extent = self[id].extent else { return }
    for child in children {
      guard links.count < Limits.pickleValues else {
        throw .tooMany("references", Limits.pickleValues)
      }
      let link = UInt32(truncatingIfNeeded: links.count)
      if extent.count == 0 { extent.first = link } else { links[Int(extent.last)].next = link }
      links.append(Link(value: child, next: .max))
      extent.last = link
      extent.count += 1
      try deepen(id, around: child)
    }
    slots[id.position].node = slots[id.position].node.with(extent)
  }

  /// The elements of a container while it may still grow.
  func children(of extent: Extent) -> [ValueID] {
    var children: [ValueID] = []
    children.reserveCapacity(Int(extent.count))
    var next = extent.first
    for _ in 0..<extent.count {
      let link = links[Int(next)]
      children.append(link.value)
      next = link.next
    }
    return children
  }

  /// Notes that `id` holds `child`, and refuses what is nested deeper than `Limits.depth`.
  mutating func deepen(_ id: ValueID, around child: ValueID) throws(ResectError) {
    let depth = slots[child.position].depth + 1
    guard depth <= Limits.depth else { throw .tooMany("levels of nesting", Limits.depth) }
    slots[id.position].depth = max(slots[id.position].depth, depth)
  }

  /// Ends the growth of all containers: their elements become runs, and of equal keys of a dict the last value remains.
  mutating func freeze() {
    elements.reserveCapacity(links.count)
    for index in slots.indices {
      guard var extent = slots[index].node.extent else { continue }
      let first = elements.count
      var next = extent.first
      for _ in 0..<extent.count {
        let link = links[Int(next)]
        elements.append(link.value)
        next = link.next
      }
      extent.first = UInt32(truncatingIfNeeded: first)
      slots[index].node = slots[index].node.with(extent)
    }
    links = []
    var keys = KeyIndex(of: self)
    for index in slots.indices {
      guard case .dictionary(var extent) = slots[index].node, extent.count > 2 else { continue }
      extent.count = UInt32(truncatingIfNeeded: mergeKeys(in: extent.run, by: &keys))
      slots[index].node = .dictionary(extent)
    }
  }

  /// Keeps the first of equal keys of a run with the value of the last, and returns the length that remains.
  private mutating func mergeKeys(in run: Range<Int>, by keys: inout KeyIndex) -> Int {
    var end = run.lowerBound
    for read in stride(from: run.lowerBound, to: run.upperBound, by: 2) {
      let place = keys.place(of: elements[read], in: run, next: end, arena: self)
      if place == end {
        elements[end] = elements[read]
        end += 2
      }
      elements[place + 1] = elements[read + 1]
    }
    return end - run.lowerBound
  }

  // MARK: - Texts

  func slice(_ text: Text) -> ArraySlice<UInt8> {
    let start = Int(text.start)
    guard start >= bytes.count else { return bytes[start..<start + Int(text.count)] }
    return converted[start - bytes.count..<start - bytes.count + Int(text.count)]
  }

  func string(_ text: Text) -> String { String(decoding: slice(text), as: UTF8.self) }

  /// Counts a conversion of `count` bytes against the budget.
  mutating func charge(_ count: Int) throws(ResectError) {
    guard count <= conversions else {
      throw ResectError(.limit, "the pickle converts the same texts again and again")
    }
    conversions -= count
  }

  /// Keeps bytes that are not in the pickle as they are meant.
  mutating func keep(_ text: [UInt8]) throws(ResectError) -> Text {
    try charge(text.count)
    let start = bytes.count + converted.count
    converted.append(contentsOf: text)
    return Text(start..<start + text.count)
  }
}

extension ResectError {
  static func tooMany(_ what: String, _ limit: Int) -> ResectError {
    ResectError(.limit, "the pickle has more than \(limit) \(what)")
  }
}
