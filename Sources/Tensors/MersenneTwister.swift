/// The generator MT19937, which torch's generator on the processor is.
///
/// Source: Matsumoto and Nishimura, "Mersenne Twister" (1998), with their initialisation of 2002.
struct MersenneTwister {
  private static let count = 624
  private static let distance = 397

  private var state: [UInt32]
  private var position = count

  /// A generator that begins as `torch.manual_seed(seed)` lets torch's begin.
  init(seed: UInt32) {
    state = [seed]
    state.reserveCapacity(MersenneTwister.count)
    for index in 1..<MersenneTwister.count {
      let last = state[index - 1]
      state.append(1_812_433_253 &* (last ^ last >> 30) &+ UInt32(index))
    }
  }

  /// The next number.
  mutating func next() -> UInt32 {
    if position == MersenneTwister.count { twist() }
    var number = state[position]
    position += 1
    number ^= number >> 11
    number ^= number << 7 & 0x9D2C_5680
    number ^= number << 15 & 0xEFC6_0000
    return number ^ number >> 18
  }

  /// Passes over `count` numbers.
  mutating func skip(_ count: Int) {
    var left = count
    while left > 0 {
      if position == MersenneTwister.count { twist() }
      let step = min(left, MersenneTwister.count - position)
      position += step
      left -= step
    }
  }

  private mutating func twist() {
    let (count, distance) = (MersenneTwister.count, MersenneTwister.distance)
    for index in 0..<count {
      let joined = state[index] & 0x8000_0000 | state[(index + 1) % count] & 0x7FFF_FFFF
      let odd: UInt32 = joined & 1 == 0 ? 0 : 0x9908_B0DF
      state[index] = state[(index + distance) % count] ^ joined >> 1 ^ odd
    }
    position = 0
  }
}
