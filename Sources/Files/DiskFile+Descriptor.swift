import Services

extension DiskFile: DescriptorBackedFile {
  var descriptorNumber: Int32 { descriptor.number }
}
