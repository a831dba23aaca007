namespace VmChannel.System.Tests;
