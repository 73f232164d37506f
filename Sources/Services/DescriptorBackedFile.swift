/// An open file that the kernel can send by itself (sendfile).
public protocol DescriptorBackedFile: OpenedFile {
  /// Valid as long as the file lives. Read it by position only.
  var descriptorNumber: Int32 { get }
}
