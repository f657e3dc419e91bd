//! In which order objects are read.
//!
//! Git keeps most objects as what differs from another one, their base. So families
//! grow, and one object is cheap to make where its base was made just before. Each
//! family is read by one reader, every object behind its base.

use std::collections::HashMap;

use crate::git::ObjectId;

/// What [`parts`] reads of each object.
pub(super) const FORMAT: &str = "%(objectname) %(objecttype) %(deltabase) %(objectsize:disk)";

/// An object as git lists it.
struct Object<'a> {
    id: &'a str,
    /// How much its bytes take in the pack.
    packed: u64,
    /// Those that are kept as what differs from it.
    later: Vec<usize>,
}

/// The objects of a list that are no trees, in so many parts that cost about the same.
pub(super) fn parts(list: &[u8], count: usize) -> Vec<Vec<ObjectId>> {
    let (mut objects, firsts) = families(list);
    let mut parts: Vec<(u64, Vec<ObjectId>)> = vec![Default::default(); count.max(1)];
    let mut family = Vec::new();
    for first in firsts {
        family.clear();
        follow(&mut objects, first, &mut family);
        // Only the first is kept whole: the others are about as long.
        let each = objects.get(first).map_or(0, |first| first.packed) + OVERHEAD;
        let Some((cost, part)) = parts.iter_mut().min_by_key(|(cost, _)| *cost) else { break };
        *cost += each * family.len() as u64;
        part.extend(family.iter().filter_map(|&at| ObjectId::parse(objects.get(at)?.id)));
    }
    parts.into_iter().map(|(_, part)| part).filter(|part| !part.is_empty()).collect()
}

/// What any object costs, however short, as a number of packed bytes.
const OVERHEAD: u64 = 300;

/// All objects, and the places of those without a base.
fn families(list: &[u8]) -> (Vec<Object<'_>>, Vec<usize>) {
    let (mut objects, mut bases) = (Vec::new(), Vec::new());
    for line in list.split(|&byte| byte == b'\n') {
        let words: Vec<&str> = std::str::from_utf8(line).unwrap_or_default().split(' ').collect();
        let &[id, kind, base, packed] = words.as_slice() else { continue };
        if kind != "tree" {
            objects.push(Object { id, packed: packed.parse().unwrap_or(0), later: Vec::new() });
            bases.push(base);
        }
    }
    let places: HashMap<&str, usize> =
        objects.iter().enumerate().map(|(at, object)| (object.id, at)).collect();
    let mut firsts = Vec::new();
    for (at, base) in bases.into_iter().enumerate() {
        match places.get(base).filter(|&&base| base != at) {
            Some(&base) => objects.get_mut(base).into_iter().for_each(|base| base.later.push(at)),
            None => firsts.push(at),
        }
    }
    (objects, firsts)
}

/// An object and all that follow from it, each behind its base.
fn follow(objects: &mut [Object<'_>], first: usize, family: &mut Vec<usize>) {
    let mut open = vec![first];
    while let Some(at) = open.pop() {
        family.push(at);
        // The nearest is read next.
        let later = objects.get_mut(at).map(|object| std::mem::take(&mut object.later));
        open.extend(later.unwrap_or_default().into_iter().rev());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: char, kind: &str, base: char, packed: u64) -> String {
        let id = |name: char| name.to_string().repeat(40);
        format!("{} {kind} {} {packed}\n", id(name), id(base))
    }

    fn read(list: &str, count: usize) -> Vec<String> {
        let first = |id: &ObjectId| id.as_str().chars().next().unwrap();
        parts(list.as_bytes(), count).iter().map(|part| part.iter().map(first).collect()).collect()
    }

    #[test]
    fn families_stay_together_and_each_object_follows_its_base() {
        let list = [
            line('a', "blob", 'c', 10),
            line('b', "blob", '0', 500),
            line('c', "blob", 'e', 10),
            line('d', "tree", '0', 10),
            line('e', "blob", '0', 1000),
            line('f', "blob", 'e', 10),
            line('1', "commit", '0', 100),
            line('2', "tag", '0', 100),
        ]
        .concat();
        assert_eq!(read(&list, 1), ["becaf12"]);
        assert_eq!(read(&list, 2), ["b12", "ecaf"]);
        assert_eq!(read("", 2), [] as [&str; 0]);
    }

    #[test]
    fn no_object_is_left_out_whose_base_is_none_of_the_list() {
        let list =
            [line('a', "blob", 'b', 1), line('c', "blob", 'd', 1), line('d', "tree", '0', 1)];
        assert_eq!(read(&list.concat(), 1), ["ac"]);
        // An object is never its own base, but who knows what git is told.
        assert_eq!(read(&line('a', "blob", 'a', 1), 1), ["a"]);
    }
}
