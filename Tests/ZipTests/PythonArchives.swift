/// Archives that Python's zipfile wrote: to a file, and to a pipe (sizes in descriptors), each also with zip64 records.
///
/// Made by this script, which prints them:
///
/// ```python
/// import base64, io, textwrap, zipfile
/// class Pipe(io.RawIOBase):
///     def __init__(self): self.bytes = bytearray()
///     def writable(self): return True
///     def write(self, data):
///         self.bytes += data
///         return len(data)
/// def archive(seekable, zip64):
///     out = io.BytesIO() if seekable else Pipe()
///     with zipfile.ZipFile(out, "w") as file:
///         for name, method, data in [
///             ("archive/text", 8, b"residual " * 200), ("archive/numbers", 0, bytes(range(200))),
///             ("archive/é", 8, bytes(range(200))), ("archive/empty", 0, b"")]:
///             info = zipfile.ZipInfo(name, (2020, 2, 2, 2, 2, 2))
///             info.compress_type = method
///             with file.open(info, "w", force_zip64=zip64) as entry: entry.write(data)
///     return base64.b64encode(out.getvalue() if seekable else bytes(out.bytes)).decode()
/// for seekable, zip64 in [(True, False), (False, False), (True, True), (False, True)]:
///     print(archive(seekable, zip64))
/// ```
enum PythonArchives {
  static let contents: [String: [UInt8]] = [
    "archive/text": Array(String(repeating: "residual ", count: 200).utf8),
    "archive/numbers": Array(0..<200), "archive/é": Array(0..<200), "archive/empty": [],
  ]

  static let all = [plain, streamed, zip64, streamedZip64].map(bytes(base64:))

  static let plain = """
    UEsDBBQAAAAIAEEQQlCP5apWGQAAAAgHAAAMAAAAYXJjaGl2ZS90ZXh0K0otzkwpTcxRKBpljDJGGaOMUcYoY+QxAFBL\
    AwQUAAAAAABBEEJQgGEI7cgAAADIAAAADwAAAGFyY2hpdmUvbnVtYmVycwABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZ\
    GhscHR4fICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj9AQUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVpbXF1e\
    X2BhYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ent8fX5/gIGCg4SFhoeIiYqLjI2Oj5CRkpOUlZaXmJmam5ydnp+goaKj\
    pKWmp6ipqqusra6vsLGys7S1tre4ubq7vL2+v8DBwsPExcbHUEsDBBQAAAgIAEEQQlCAYQjtzQAAAMgAAAAKAAAAYXJj\
    aGl2ZS/DqQHIADf/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4\
    OTo7PD0+P0BBQkNERUZHSElKS0xNTk9QUVJTVFVWV1hZWltcXV5fYGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6e3x9\
    fn+AgYKDhIWGh4iJiouMjY6PkJGSk5SVlpeYmZqbnJ2en6ChoqOkpaanqKmqq6ytrq+wsbKztLW2t7i5uru8vb6/wMHC\
    w8TFxsdQSwMEFAAAAAAAQRBCUAAAAAAAAAAAAAAAAA0AAABhcmNoaXZlL2VtcHR5UEsBAhQDFAAAAAgAQRBCUI/lqlYZ\
    AAAACAcAAAwAAAAAAAAAAAAAAIABAAAAAGFyY2hpdmUvdGV4dFBLAQIUAxQAAAAAAEEQQlCAYQjtyAAAAMgAAAAPAAAA\
    AAAAAAAAAACAAUMAAABhcmNoaXZlL251bWJlcnNQSwECFAMUAAAICABBEEJQgGEI7c0AAADIAAAACgAAAAAAAAAAAAAA\
    gAE4AQAAYXJjaGl2ZS/DqVBLAQIUAxQAAAAAAEEQQlAAAAAAAAAAAAAAAAANAAAAAAAAAAAAAACAAS0CAABhcmNoaXZl\
    L2VtcHR5UEsFBgAAAAAEAAQA6gAAAFgCAAAAAA==
    """

  static let streamed = """
    UEsDBBQACAAIAEEQQlAAAAAAAAAAAAAAAAAMAAAAYXJjaGl2ZS90ZXh0K0otzkwpTcxRKBpljDJGGaOMUcYoY+QxAFBL\
    BwiP5apWGQAAAAgHAABQSwMEFAAIAAAAQRBCUAAAAAAAAAAAAAAAAA8AAABhcmNoaXZlL251bWJlcnMAAQIDBAUGBwgJ\
    CgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4/QEFCQ0RFRkdISUpLTE1O\
    T1BRUlNUVVZXWFlaW1xdXl9gYWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CBgoOEhYaHiImKi4yNjo+QkZKT\
    lJWWl5iZmpucnZ6foKGio6SlpqeoqaqrrK2ur7CxsrO0tba3uLm6u7y9vr/AwcLDxMXGx1BLBwiAYQjtyAAAAMgAAABQ\
    SwMEFAAICAgAQRBCUAAAAAAAAAAAAAAAAAoAAABhcmNoaXZlL8OpAcgAN/8AAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcY\
    GRobHB0eHyAhIiMkJSYnKCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4/QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xd\
    Xl9gYWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CBgoOEhYaHiImKi4yNjo+QkZKTlJWWl5iZmpucnZ6foKGi\
    o6SlpqeoqaqrrK2ur7CxsrO0tba3uLm6u7y9vr/AwcLDxMXGx1BLBwiAYQjtzQAAAMgAAABQSwMEFAAIAAAAQRBCUAAA\
    AAAAAAAAAAAAAA0AAABhcmNoaXZlL2VtcHR5UEsHCAAAAAAAAAAAAAAAAFBLAQIUAxQACAAIAEEQQlCP5apWGQAAAAgH\
    AAAMAAAAAAAAAAAAAACAAQAAAABhcmNoaXZlL3RleHRQSwECFAMUAAgAAABBEEJQgGEI7cgAAADIAAAADwAAAAAAAAAA\
    AAAAgAFTAAAAYXJjaGl2ZS9udW1iZXJzUEsBAhQDFAAICAgAQRBCUIBhCO3NAAAAyAAAAAoAAAAAAAAAAAAAAIABWAEA\
    AGFyY2hpdmUvw6lQSwECFAMUAAgAAABBEEJQAAAAAAAAAAAAAAAADQAAAAAAAAAAAAAAgAFdAgAAYXJjaGl2ZS9lbXB0\
    eVBLBQYAAAAABAAEAOoAAACYAgAAAAA=
    """

  static let zip64 = """
    UEsDBBQAAAAIAEEQQlCP5apWGQAAAAgHAAAMABQAYXJjaGl2ZS90ZXh0AQAQAAgHAAAAAAAAGQAAAAAAAAArSi3OTClN\
    zFEoGmWMMkYZo4xRxihj5DEAUEsDBBQAAAAAAEEQQlCAYQjtyAAAAMgAAAAPABQAYXJjaGl2ZS9udW1iZXJzAQAQAMgA\
    AAAAAAAAyAAAAAAAAAAAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8wMTIzNDU2\
    Nzg5Ojs8PT4/QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl9gYWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7\
    fH1+f4CBgoOEhYaHiImKi4yNjo+QkZKTlJWWl5iZmpucnZ6foKGio6SlpqeoqaqrrK2ur7CxsrO0tba3uLm6u7y9vr/A\
    wcLDxMXGx1BLAwQUAAAICABBEEJQgGEI7c0AAADIAAAACgAUAGFyY2hpdmUvw6kBABAAyAAAAAAAAADNAAAAAAAAAAHI\
    ADf/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0BB\
    QkNERUZHSElKS0xNTk9QUVJTVFVWV1hZWltcXV5fYGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6e3x9fn+AgYKDhIWG\
    h4iJiouMjY6PkJGSk5SVlpeYmZqbnJ2en6ChoqOkpaanqKmqq6ytrq+wsbKztLW2t7i5uru8vb6/wMHCw8TFxsdQSwME\
    FAAAAAAAQRBCUAAAAAAAAAAAAAAAAA0AFABhcmNoaXZlL2VtcHR5AQAQAAAAAAAAAAAAAAAAAAAAAABQSwECFAMUAAAA\
    CABBEEJQj+WqVhkAAAAIBwAADAAAAAAAAAAAAAAAgAEAAAAAYXJjaGl2ZS90ZXh0UEsBAhQDFAAAAAAAQRBCUIBhCO3I\
    AAAAyAAAAA8AAAAAAAAAAAAAAIABVwAAAGFyY2hpdmUvbnVtYmVyc1BLAQIUAxQAAAgIAEEQQlCAYQjtzQAAAMgAAAAK\
    AAAAAAAAAAAAAACAAWABAABhcmNoaXZlL8OpUEsBAhQDFAAAAAAAQRBCUAAAAAAAAAAAAAAAAA0AAAAAAAAAAAAAAIAB\
    aQIAAGFyY2hpdmUvZW1wdHlQSwUGAAAAAAQABADqAAAAqAIAAAAA
    """

  static let streamedZip64 = """
    UEsDBBQACAAIAEEQQlAAAAAAAAAAAAAAAAAMABQAYXJjaGl2ZS90ZXh0AQAQAAAAAAAAAAAAAAAAAAAAAAArSi3OTClN\
    zFEoGmWMMkYZo4xRxihj5DEAUEsHCI/lqlYZAAAAAAAAAAgHAAAAAAAAUEsDBBQACAAAAEEQQlAAAAAAAAAAAAAAAAAP\
    ABQAYXJjaGl2ZS9udW1iZXJzAQAQAAAAAAAAAAAAAAAAAAAAAAAAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0e\
    HyAhIiMkJSYnKCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4/QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl9gYWJj\
    ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CBgoOEhYaHiImKi4yNjo+QkZKTlJWWl5iZmpucnZ6foKGio6Slpqeo\
    qaqrrK2ur7CxsrO0tba3uLm6u7y9vr/AwcLDxMXGx1BLBwiAYQjtyAAAAAAAAADIAAAAAAAAAFBLAwQUAAgICABBEEJQ\
    AAAAAAAAAAAAAAAACgAUAGFyY2hpdmUvw6kBABAAAAAAAAAAAAAAAAAAAAAAAAHIADf/AAECAwQFBgcICQoLDA0ODxAR\
    EhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0BBQkNERUZHSElKS0xNTk9QUVJTVFVW\
    V1hZWltcXV5fYGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6e3x9fn+AgYKDhIWGh4iJiouMjY6PkJGSk5SVlpeYmZqb\
    nJ2en6ChoqOkpaanqKmqq6ytrq+wsbKztLW2t7i5uru8vb6/wMHCw8TFxsdQSwcIgGEI7c0AAAAAAAAAyAAAAAAAAABQ\
    SwMEFAAIAAAAQRBCUAAAAAAAAAAAAAAAAA0AFABhcmNoaXZlL2VtcHR5AQAQAAAAAAAAAAAAAAAAAAAAAABQSwcIAAAA\
    AAAAAAAAAAAAAAAAAAAAAABQSwECFAMUAAgACABBEEJQj+WqVhkAAAAIBwAADAAAAAAAAAAAAAAAgAEAAAAAYXJjaGl2\
    ZS90ZXh0UEsBAhQDFAAIAAAAQRBCUIBhCO3IAAAAyAAAAA8AAAAAAAAAAAAAAIABbwAAAGFyY2hpdmUvbnVtYmVyc1BL\
    AQIUAxQACAgIAEEQQlCAYQjtzQAAAMgAAAAKAAAAAAAAAAAAAACAAZABAABhcmNoaXZlL8OpUEsBAhQDFAAIAAAAQRBC\
    UAAAAAAAAAAAAAAAAA0AAAAAAAAAAAAAAIABsQIAAGFyY2hpdmUvZW1wdHlQSwUGAAAAAAQABADqAAAACAMAAAAA
    """

  private static func bytes(base64 text: String) -> [UInt8] {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var bytes: [UInt8] = []
    var (bits, count): (UInt32, Int) = (0, 0)
    for character in text.utf8 {
      guard let value = alphabet.firstIndex(of: character) else { continue }
      bits = bits << 6 | UInt32(value)
      count += 6
      if count >= 8 {
        count -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
      }
    }
    return bytes
  }
}
