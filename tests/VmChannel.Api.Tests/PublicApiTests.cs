using System.Reflection;
using System.Runtime.CompilerServices;
using PublicApiGenerator;
using VmChannel.AspNetCore;
using VmChannel.Control;
using VmChannel.Guest;
using VmChannel.Mux;
using Xunit;

namespace VmChannel.Api.Tests;

/// <summary>The public API of each package is a text beside this file, so that a change of it shows in review.</summary>
/// <remarks>A package joins with a project reference, a line below, and its text, which the failing test writes.</remarks>
public sealed class PublicApiTests
{
    public static TheoryData<Type> Packages => [typeof(VmChannels), typeof(MuxChannel), typeof(VmChannelEndPoint), typeof(ControlClient)];

    [Theory]
    [MemberData(nameof(Packages))]
    public void PublicApi_OfAPackage_IsAsCommitted(Type typeInPackage)
    {
        Assembly assembly = typeInPackage.Assembly;
        string api = assembly.GeneratePublicApi(new() { IncludeAssemblyAttributes = false }).ReplaceLineEndings("\n") + "\n";
        string committed = Path.Combine(Folder(), $"{assembly.GetName().Name}.txt");
        string actual = Path.Combine(AppContext.BaseDirectory, $"{assembly.GetName().Name}.actual.txt");
        File.WriteAllText(actual, api);
        Assert.True(
            File.Exists(committed) && File.ReadAllText(committed) == api,
            $"the public API is not that of {committed}; if it is meant to be so: cp {actual} {committed}");
    }

    private static string Folder([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
