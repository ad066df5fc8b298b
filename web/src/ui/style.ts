/**
 * Style values that are only known at run time. They go through the object model, which the
 * content security policy permits; a style attribute in the markup it would refuse.
 */
import type { Attachment } from "svelte/attachments";

export function styled(property: string, value: string): Attachment<HTMLElement> {
  return (element) => {
    element.style.setProperty(property, value);
  };
}
