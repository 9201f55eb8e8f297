#include "image.h"
#include <stdlib.h>
#include <string.h>

/* A creation, removal or renaming that is not durable. */
struct name_change {
  struct name_change *next;
  struct inode *from, *to; /* directories; NULL where there is none */
  char *from_name, *to_name;
  struct inode *inode;
};

struct inode *root;
static struct inode *all;
static ino_t next_number = 1;
static struct name_change *first_name_change, *last_name_change;

/* splitmix64 */
uint64_t random_next(uint64_t *state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static double chance(uint64_t *state) { return (double)(random_next(state) >> 11) / 9007199254740992.0; }

static void *need(void *memory) {
  if (memory == NULL) abort();
  return memory;
}

static void blob_resize(struct blob *blob, size_t size) {
  if (size > blob->capacity) {
    size_t capacity = blob->capacity * 2 > size ? blob->capacity * 2 : size;
    blob->bytes = need(realloc(blob->bytes, capacity));
    blob->capacity = capacity;
  }
  if (size > blob->size) memset(blob->bytes + blob->size, 0, size - blob->size);
  blob->size = size;
}

static void blob_write(struct blob *blob, const char *bytes, size_t length, off_t offset) {
  if ((size_t)offset + length > blob->size) blob_resize(blob, (size_t)offset + length);
  memcpy(blob->bytes + offset, bytes, length);
}

static void blob_copy(struct blob *to, const struct blob *from) {
  to->size = 0;
  blob_resize(to, from->size);
  if (from->size > 0) memcpy(to->bytes, from->bytes, from->size);
}

static struct entry *names_find(const struct names *names, const char *name) {
  for (size_t i = 0; i < names->count; i++)
    if (strcmp(names->entries[i].name, name) == 0) return &names->entries[i];
  return NULL;
}

static void names_put(struct names *names, const char *name, struct inode *inode) {
  struct entry *known = names_find(names, name);
  if (known != NULL) {
    known->inode = inode;
    return;
  }
  if (names->count == names->capacity) {
    names->capacity = names->capacity * 2 + 8;
    names->entries = need(realloc(names->entries, names->capacity * sizeof *names->entries));
  }
  names->entries[names->count++] = (struct entry){.name = need(strdup(name)), .inode = inode};
}

static void names_remove(struct names *names, const char *name) {
  struct entry *known = names_find(names, name);
  if (known == NULL) return;
  free(known->name);
  *known = names->entries[--names->count];
}

static void names_clear(struct names *names) {
  for (size_t i = 0; i < names->count; i++) free(names->entries[i].name);
  names->count = 0;
}

static struct inode *inode_new(mode_t mode) {
  struct inode *inode = need(calloc(1, sizeof *inode));
  inode->number = next_number++;
  inode->mode = mode;
  inode->next = all;
  clock_gettime(CLOCK_REALTIME, &inode->modified);
  all = inode;
  return inode;
}

static void changes_free(struct change **first) {
  while (*first != NULL) {
    struct change *change = *first;
    *first = change->next;
    free(change);
  }
}

static void touch(struct inode *inode) { clock_gettime(CLOCK_REALTIME, &inode->modified); }

void image_init(void) { root = inode_new(S_IFDIR | 0755); }

struct inode *image_parent(const char *path, const char **name) {
  struct inode *directory = root;
  const char *part = path + 1;
  for (;;) {
    const char *slash = strchr(part, '/');
    if (slash == NULL) {
      *name = part;
      return directory;
    }
    char *between = need(strndup(part, (size_t)(slash - part)));
    struct entry *entry = names_find(&directory->names_now, between);
    free(between);
    if (entry == NULL || !S_ISDIR(entry->inode->mode)) return NULL;
    directory = entry->inode;
    part = slash + 1;
  }
}

struct inode *image_find(const char *path) {
  if (strcmp(path, "/") == 0) return root;
  const char *name;
  struct inode *parent = image_parent(path, &name);
  struct entry *entry = parent == NULL ? NULL : names_find(&parent->names_now, name);
  return entry == NULL ? NULL : entry->inode;
}

static void note(struct inode *from, const char *from_name, struct inode *to, const char *to_name, struct inode *inode) {
  struct name_change *change = need(calloc(1, sizeof *change));
  *change = (struct name_change){.from = from, .to = to, .inode = inode};
  if (from_name != NULL) change->from_name = need(strdup(from_name));
  if (to_name != NULL) change->to_name = need(strdup(to_name));
  if (last_name_change == NULL) first_name_change = change;
  else last_name_change->next = change;
  last_name_change = change;
}

static void name_change_apply(const struct name_change *change) {
  /* A renaming whose file never got its first name gives it the second all the same. */
  if (change->from != NULL) names_remove(&change->from->names_durable, change->from_name);
  if (change->to != NULL) names_put(&change->to->names_durable, change->to_name, change->inode);
}

static void name_change_free(struct name_change *change) {
  free(change->from_name);
  free(change->to_name);
  free(change);
}

struct inode *image_create(const char *path, mode_t mode) {
  const char *name;
  struct inode *parent = image_parent(path, &name);
  struct inode *inode = inode_new(mode);
  names_put(&parent->names_now, name, inode);
  inode->links++;
  note(NULL, NULL, parent, name, inode);
  touch(parent);
  return inode;
}

/* Free the content of a file that nobody can reach any more, neither now nor after a cut. */
static void forget_if_unreachable(struct inode *inode) {
  if (inode->links > 0 || inode->handles > 0 || S_ISDIR(inode->mode)) return;
  for (struct name_change *change = first_name_change; change != NULL; change = change->next)
    if (change->inode == inode) return;
  for (struct inode *other = all; other != NULL; other = other->next)
    for (size_t i = 0; i < other->names_durable.count; i++)
      if (other->names_durable.entries[i].inode == inode) return;
  struct inode **place = &all;
  while (*place != inode) place = &(*place)->next;
  *place = inode->next;
  changes_free(&inode->first_change);
  changes_free(&inode->lost);
  free(inode->now.bytes);
  free(inode->durable.bytes);
  free(inode);
}

void image_unlink(const char *path) {
  const char *name;
  struct inode *parent = image_parent(path, &name);
  struct inode *inode = names_find(&parent->names_now, name)->inode;
  names_remove(&parent->names_now, name);
  inode->links--;
  note(parent, name, NULL, NULL, inode);
  touch(parent);
}

void image_rename(const char *from, const char *to) {
  const char *from_name, *to_name;
  struct inode *from_parent = image_parent(from, &from_name);
  struct inode *to_parent = image_parent(to, &to_name);
  struct inode *inode = names_find(&from_parent->names_now, from_name)->inode;
  struct entry *replaced = names_find(&to_parent->names_now, to_name);
  if (replaced != NULL) replaced->inode->links--;
  names_remove(&from_parent->names_now, from_name);
  names_put(&to_parent->names_now, to_name, inode);
  note(from_parent, from_name, to_parent, to_name, inode);
  touch(from_parent);
  touch(to_parent);
}

void image_release(struct inode *inode) {
  inode->handles--;
  forget_if_unreachable(inode);
}

static void remember(struct inode *inode, bool is_truncate, off_t offset, const char *bytes, size_t length) {
  struct change *change = need(malloc(sizeof *change + length));
  *change = (struct change){.is_truncate = is_truncate, .offset = offset, .length = length};
  if (length > 0) memcpy(change->bytes, bytes, length);
  if (inode->first_change == NULL) inode->first_change = change;
  else inode->last_change->next = change;
  inode->last_change = change;
  touch(inode);
}

void image_write(struct inode *inode, const char *bytes, size_t length, off_t offset) {
  blob_write(&inode->now, bytes, length, offset);
  remember(inode, false, offset, bytes, length);
}

void image_truncate(struct inode *inode, off_t size) {
  blob_resize(&inode->now, (size_t)size);
  remember(inode, true, size, NULL, 0);
}

static void sync_names(struct inode *directory) {
  struct name_change **place = &first_name_change;
  last_name_change = NULL;
  while (*place != NULL) {
    struct name_change *change = *place;
    if (change->from != directory && change->to != directory) {
      last_name_change = change;
      place = &change->next;
      continue;
    }
    *place = change->next;
    name_change_apply(change);
    struct inode *inode = change->inode;
    name_change_free(change);
    forget_if_unreachable(inode);
  }
}

void image_sync(struct inode *inode) {
  if (S_ISDIR(inode->mode)) {
    sync_names(inode);
    return;
  }
  for (struct change *change = inode->first_change; change != NULL; change = change->next) {
    if (change->is_truncate) blob_resize(&inode->durable, (size_t)change->offset);
    else blob_write(&inode->durable, change->bytes, change->length, change->offset);
  }
  changes_free(&inode->first_change);
}

void image_sync_failed(struct inode *inode) {
  if (inode->first_change == NULL) return;
  inode->last_change->next = inode->lost;
  inode->lost = inode->first_change;
  inode->first_change = NULL;
}

size_t image_evict(uint64_t seed) {
  size_t evicted = 0;
  for (struct inode *inode = all; inode != NULL; inode = inode->next) {
    for (struct change *change = inode->lost; change != NULL; change = change->next) {
      if (change->length == 0) continue;
      off_t last = change->offset + (off_t)change->length - 1;
      for (off_t page = change->offset / PAGE_BYTES; page <= last / PAGE_BYTES; page++) {
        if (random_next(&seed) & 1) continue;
        for (off_t at = page * PAGE_BYTES; at < (page + 1) * PAGE_BYTES && at < (off_t)inode->now.size; at++)
          inode->now.bytes[at] = at < (off_t)inode->durable.size ? inode->durable.bytes[at] : 0;
        evicted++;
      }
    }
    changes_free(&inode->lost);
  }
  return evicted;
}

/* How the changes of one file fare. */
enum fate { FATE_LOST, FATE_KEPT, FATE_PREFIX, FATE_SUBSET, FATE_SECTORS, FATE_COUNT };

static void cut_file(struct inode *inode, uint64_t *seed, struct cut_report *report) {
  size_t count = 0;
  for (struct change *change = inode->first_change; change != NULL; change = change->next) count++;
  report->changes += count;
  enum fate fate = (enum fate)(random_next(seed) % FATE_COUNT);
  size_t prefix = random_next(seed) % (count + 1);
  double kept = chance(seed);
  size_t index = 0;
  for (struct change *change = inode->first_change; change != NULL; change = change->next, index++) {
    size_t sectors = change->length / SECTOR_BYTES + 1;
    bool is_last_of_prefix = fate == FATE_PREFIX && index == prefix;
    bool is_torn = fate == FATE_SECTORS || is_last_of_prefix;
    bool is_kept = fate == FATE_KEPT || (fate == FATE_PREFIX && index < prefix) ||
                   (fate == FATE_SUBSET && chance(seed) < kept);
    if (change->is_truncate) {
      if (is_kept || (is_torn && chance(seed) < kept)) blob_resize(&inode->durable, (size_t)change->offset);
    } else if (is_kept) {
      blob_write(&inode->durable, change->bytes, change->length, change->offset);
    } else if (is_torn) {
      /* By sectors, or by pages as the page cache writes them. */
      off_t unit = random_next(seed) & 1 ? SECTOR_BYTES : PAGE_BYTES;
      off_t end = change->offset + (off_t)change->length;
      for (off_t at = change->offset; at < end;) {
        off_t stop = (at / unit + 1) * unit < end ? (at / unit + 1) * unit : end;
        if (chance(seed) < kept)
          blob_write(&inode->durable, change->bytes + (at - change->offset), (size_t)(stop - at), at);
        else report->sectors_lost += (size_t)(stop - at + SECTOR_BYTES - 1) / SECTOR_BYTES;
        at = stop;
      }
    } else report->sectors_lost += sectors;
  }
  changes_free(&inode->first_change);
  changes_free(&inode->lost);
}

static void mark(struct inode *directory) {
  for (size_t i = 0; i < directory->names_durable.count; i++) {
    struct inode *inode = directory->names_durable.entries[i].inode;
    if (inode->links++ == 0 && S_ISDIR(inode->mode)) mark(inode);
  }
}

struct cut_report image_cut(uint64_t seed) {
  struct cut_report report = {0};
  size_t count = 0;
  for (struct name_change *change = first_name_change; change != NULL; change = change->next) count++;
  bool is_prefix = random_next(&seed) & 1;
  size_t prefix = random_next(&seed) % (count + 1);
  double kept = chance(&seed);
  size_t index = 0;
  while (first_name_change != NULL) {
    struct name_change *change = first_name_change;
    first_name_change = change->next;
    if (is_prefix ? index < prefix : chance(&seed) < kept) name_change_apply(change);
    else report.names_lost++;
    index++;
    name_change_free(change);
  }
  last_name_change = NULL;
  for (struct inode *inode = all; inode != NULL; inode = inode->next) {
    cut_file(inode, &seed, &report);
    inode->links = 0;
  }
  root->links = 1;
  mark(root);
  for (struct inode *inode = all; inode != NULL; inode = inode->next) {
    blob_copy(&inode->now, &inode->durable);
    names_clear(&inode->names_now);
    for (size_t i = 0; i < inode->names_durable.count; i++)
      names_put(&inode->names_now, inode->names_durable.entries[i].name, inode->names_durable.entries[i].inode);
  }
  for (struct inode *inode = all, *following; inode != NULL; inode = following) {
    following = inode->next;
    forget_if_unreachable(inode);
  }
  return report;
}

static void collect(struct inode *directory, struct inode **files, size_t *count, size_t limit) {
  for (size_t i = 0; i < directory->names_now.count; i++) {
    struct inode *inode = directory->names_now.entries[i].inode;
    if (S_ISDIR(inode->mode)) collect(inode, files, count, limit);
    else if (inode->now.size > 0 && *count < limit) files[(*count)++] = inode;
  }
}

size_t image_rot(uint64_t seed, size_t flips, const char *below) {
  static struct inode *files[65536];
  size_t count = 0;
  struct inode *start = image_find(below);
  if (start == NULL) return 0;
  if (S_ISDIR(start->mode)) collect(start, files, &count, sizeof files / sizeof *files);
  else if (start->now.size > 0) files[count++] = start;
  if (count == 0) return 0;
  for (size_t i = 0; i < flips; i++) {
    struct inode *inode = files[random_next(&seed) % count];
    size_t at = random_next(&seed) % inode->now.size;
    char bit = (char)(1 << (random_next(&seed) % 8));
    inode->now.bytes[at] ^= bit;
    if (at < inode->durable.size) inode->durable.bytes[at] ^= bit;
  }
  return flips;
}

uint64_t image_used(void) {
  uint64_t used = 0;
  for (struct inode *inode = all; inode != NULL; inode = inode->next)
    if (inode->links > 0 || inode->handles > 0) used += (inode->now.size + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
  return used;
}
