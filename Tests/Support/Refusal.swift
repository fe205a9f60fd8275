public import ResectBytes

/// The code of the error that `body` throws; nothing where it succeeds.
public func refusal<Result: ~Copyable>(
  of body: () throws(ResectError) -> Result
) -> ResectError.Code? {
  do throws(ResectError) {
    _ = try body()
    return nil
  } catch {
    return error.code
  }
}
