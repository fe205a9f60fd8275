/// How fine the numbers of a floating-point dtype lie.
struct FloatFormat {
  /// Half a unit in the last place of 1.
  let half: Double
  /// The smallest normal number.
  let smallest: Double

  /// The format of a dtype that surgeries compute in.
  init(_ dtype: DType) {
    switch dtype {
    case .float16: (half, smallest) = (0x1p-11, 0x1p-14)
    case .bfloat16: (half, smallest) = (0x1p-8, 0x1p-126)
    case .float32: (half, smallest) = (0x1p-24, 0x1p-126)
    default: (half, smallest) = (0x1p-53, .leastNormalMagnitude)
    }
  }

  /// Whether `value`, a number of the format, is `number` rounded to nearest, to even where two are equally near: by exact
  /// comparison with the middles between it and its neighbours.
  func isNearest(_ value: Double, to number: some ExactNumber) -> Bool {
    guard value.isFinite else { return false }
    let power = max(value == 0 ? 0 : value.binade.magnitude, smallest)
    let step = Dyadic(power) * Dyadic(half)
    // Towards zero from a power of two, numbers are twice as dense.
    let isPower = value.magnitude > smallest && value.magnitude == power
    let inner = isPower ? step * Dyadic(0.5) : step
    let isNegative = value < 0
    let below = Dyadic(value) - (isNegative ? step : inner)
    let above = Dyadic(value) + (isNegative ? inner : step)
    let (down, up) = (number.compared(to: below), number.compared(to: above))
    // A middle belongs to the even neighbour: a multiple of two units.
    let units = (value / power) / half / 2
    let isEven = units.truncatingRemainder(dividingBy: 2) == 0
    return isEven ? down >= 0 && up <= 0 : down > 0 && up < 0
  }
}
