public import ResectGraphs

/// A network in hand: a ResNet, whose every part has a place, or any other network that its file describes.
public enum Network: Sendable {
  /// A tree of modules, recognised by its names or its graph.
  case resNet(ResNet)
  /// A graph that is no ResNet, or that is not recognised as one.
  case graph(Graph)
}
