namespace VmChannel.Device.Chardevs;

/// <summary>Finds what somebody probably meant.</summary>
public static class Spelling
{
    private const int MostMistakes = 2;
    private const int LongestWord = 40;

    /// <summary>The end of an error message: the nearest known word if one is near, then all of them.</summary>
    public static string Hint(string word, IReadOnlyCollection<string> known)
    {
        string all = known.Count == 0 ? "there are none" : $"known: {string.Join(", ", known)}";
        return Closest(word, known) is string closest ? $"did you mean {closest}? ({all})" : $"({all})";
    }

    /// <summary>The known word that differs least, if at most in two letters and not in all of them.</summary>
    public static string? Closest(string word, IEnumerable<string> known)
        => word.Length > LongestWord
            ? null
            : known.Select(candidate => (candidate, mistakes: Mistakes(word, candidate)))
                .Where(pair => pair.mistakes <= MostMistakes && pair.mistakes < Math.Min(word.Length, pair.candidate.Length))
                .OrderBy(pair => pair.mistakes)
                .Select(pair => pair.candidate)
                .FirstOrDefault();

    /// <summary>Letters to add, drop or change (Levenshtein).</summary>
    private static int Mistakes(string a, string b)
    {
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 0; i < a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i + 1;
            for (int j = 0; j < b.Length; j++)
            {
                int changed = diagonal + (a[i] == b[j] ? 0 : 1);
                diagonal = row[j + 1];
                row[j + 1] = Math.Min(changed, Math.Min(row[j], row[j + 1]) + 1);
            }
        }

        return row[b.Length];
    }
}
