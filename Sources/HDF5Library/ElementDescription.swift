internal import CResectHDF5
internal import ResectHDF5
internal import ResectTensors

/// What a type is an element of.
func describeElement(_ type: hid_t) -> HDF5Element {
  switch H5Tget_class(type) {
  case H5T_FLOAT: float(type)
  case H5T_INTEGER: integer(type)
  case H5T_ENUM: enumeration(type)
  case H5T_COMPOUND: compound(type)
  case H5T_STRING: .string
  case H5T_OPAQUE: .opaque
  case H5T_REFERENCE: .other("references")
  case H5T_VLEN: .other("sequences of variable length")
  case H5T_ARRAY: .other("arrays")
  case H5T_BITFIELD: .other("bit fields")
  case H5T_TIME: .other("times")
  default: .other("elements of an unknown type")
  }
}

/// A floating-point format: where its fields are, counted in bits.
private struct FloatFormat: Equatable {
  let bytes: Int
  let signAt: Int
  let exponentAt: Int
  let exponentBits: Int
  let fractionBits: Int
  let bias: Int

  static let known: [(FloatFormat, DType)] = [
    (.init(bytes: 8, signAt: 63, exponentAt: 52, exponentBits: 11, fractionBits: 52, bias: 1023), .float64),
    (.init(bytes: 4, signAt: 31, exponentAt: 23, exponentBits: 8, fractionBits: 23, bias: 127), .float32),
    (.init(bytes: 2, signAt: 15, exponentAt: 10, exponentBits: 5, fractionBits: 10, bias: 15), .float16),
    (.init(bytes: 2, signAt: 15, exponentAt: 7, exponentBits: 8, fractionBits: 7, bias: 127), .bfloat16),
  ]
}

private func float(_ type: hid_t) -> HDF5Element {
  var (signAt, exponentAt, exponentBits, fractionAt, fractionBits) = (0, 0, 0, 0, 0)
  guard
    unsafe H5Tget_fields(type, &signAt, &exponentAt, &exponentBits, &fractionAt, &fractionBits) >= 0,
    fractionAt == 0, fillsItsBytes(type), H5Tget_norm(type) == H5T_NORM_IMPLIED,
    let order = byteOrder(of: type)
  else { return .other("floating-point numbers of an unusual format") }
  let format = FloatFormat(
    bytes: H5Tget_size(type), signAt: signAt, exponentAt: exponentAt, exponentBits: exponentBits,
    fractionBits: fractionBits, bias: H5Tget_ebias(type))
  guard let dtype = FloatFormat.known.first(where: { $0.0 == format })?.1 else {
    return .other("floating-point numbers of an unusual format")
  }
  return .number(dtype, order)
}

private func integer(_ type: hid_t) -> HDF5Element {
  let unusual = HDF5Element.other("integers of an unusual format")
  guard fillsItsBytes(type), let order = byteOrder(of: type) else { return unusual }
  return switch (H5Tget_size(type), H5Tget_sign(type)) {
  case (1, H5T_SGN_2): .number(.int8, order)
  case (2, H5T_SGN_2): .number(.int16, order)
  case (4, H5T_SGN_2): .number(.int32, order)
  case (8, H5T_SGN_2): .number(.int64, order)
  case (1, H5T_SGN_NONE): .number(.uint8, order)
  case (2, H5T_SGN_NONE): .number(.uint16, order)
  case (4, H5T_SGN_NONE): .number(.uint32, order)
  case (8, H5T_SGN_NONE): .number(.uint64, order)
  default: unusual
  }
}

/// h5py stores booleans as an enumeration of FALSE and TRUE.
private func enumeration(_ type: hid_t) -> HDF5Element {
  let isBoolean =
    H5Tget_size(type) == 1 && H5Tget_nmembers(type) == 2
    && ["FALSE", "TRUE"].enumerated().allSatisfy { value, name in
      guard memberName(type, UInt32(value)) == name else { return false }
      var stored: UInt8 = .max
      return unsafe H5Tget_member_value(type, UInt32(value), &stored) >= 0 && Int(stored) == value
    }
  return isBoolean ? .number(.bool, .little) : .other("an enumeration's values")
}

/// h5py stores complex numbers as compounds of r and i.
private func compound(_ type: hid_t) -> HDF5Element {
  let other = HDF5Element.other("compounds")
  guard H5Tget_nmembers(type) == 2, let real = component(type, 0, "r"),
    let imaginary = component(type, 1, "i"), real.element == imaginary.element, real.offset == 0,
    case .number(let dtype, let order) = real.element, imaginary.offset == dtype.byteCount,
    H5Tget_size(type) == 2 * dtype.byteCount
  else { return other }
  return switch dtype {
  case .float32: .number(.complex64, order)
  case .float64: .number(.complex128, order)
  default: other
  }
}

private func component(
  _ type: hid_t, _ index: UInt32, _ name: String
) -> (element: HDF5Element, offset: Int)? {
  guard memberName(type, index) == name, H5Tget_member_class(type, index) == H5T_FLOAT,
    let member = try? LibraryHandle(H5Tget_member_type(type, index), "read the type")
  else { return nil }
  return (float(member.id), H5Tget_member_offset(type, index))
}

private func memberName(_ type: hid_t, _ index: UInt32) -> String? {
  guard let name = unsafe H5Tget_member_name(type, index) else { return nil }
  defer { unsafe H5free_memory(name) }
  return unsafe String(validatingCString: name)
}

/// Whether no bit of the element's bytes is left over.
private func fillsItsBytes(_ type: hid_t) -> Bool {
  H5Tget_offset(type) == 0 && H5Tget_precision(type) == 8 * H5Tget_size(type)
}

private func byteOrder(of type: hid_t) -> LazyTensor.ByteOrder? {
  switch H5Tget_order(type) {
  case H5T_ORDER_LE: .little
  case H5T_ORDER_BE: .big
  default: nil
  }
}
