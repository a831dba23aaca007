// The programs under test, and the rigs, are Linux's.
[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]
