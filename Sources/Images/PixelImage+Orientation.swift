extension PixelImage {
  /// The image turned and mirrored so that what was stored as `orientation` says stands upright.
  func upright(from orientation: Orientation?) -> PixelImage {
    guard let orientation, orientation != .topLeft else { return self }
    // Where the stored pixel of the upright image's first row and column lies, and the steps to its neighbours.
    let (right, down) = (channels, channels * width)
    let (lastColumn, lastRow) = ((width - 1) * right, (height - 1) * down)
    switch orientation {
    case .topLeft: return self
    case .topRight: return gathered(width, height, from: lastColumn, across: -right, down: down)
    case .bottomRight:
      return gathered(width, height, from: lastColumn + lastRow, across: -right, down: -down)
    case .bottomLeft: return gathered(width, height, from: lastRow, across: right, down: -down)
    case .leftTop: return gathered(height, width, from: 0, across: down, down: right)
    case .rightTop: return gathered(height, width, from: lastRow, across: -down, down: right)
    case .rightBottom:
      return gathered(height, width, from: lastColumn + lastRow, across: -down, down: -right)
    case .leftBottom: return gathered(height, width, from: lastColumn, across: down, down: -right)
    }
  }

  /// The image of `newWidth` × `newHeight` pixels that begins at the value `start` of this one; `across` and `down` are the
  /// distances of neighbours.
  private func gathered(
    _ newWidth: Int, _ newHeight: Int, from start: Int, across: Int, down: Int
  ) -> PixelImage {
    let gathered = unsafe [UInt8](unsafeUninitializedCapacity: pixels.count) { target, count in
      count = 0
      for row in 0..<newHeight {
        for column in 0..<newWidth {
          let position = start + row * down + column * across
          for channel in 0..<channels {
            unsafe target[count] = pixels[position + channel]
            count += 1
          }
        }
      }
    }
    return PixelImage(newWidth, newHeight, channels, gathered)
  }
}
